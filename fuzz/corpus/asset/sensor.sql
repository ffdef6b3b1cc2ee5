-- licence
/* eider on_file: data/source/*/a*.csv */ SELECT 1
