/* eider
retires: 3
materialize: tabel
export: ../x.csv
tests: [not_nul]
