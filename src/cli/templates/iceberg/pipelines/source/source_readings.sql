/* eider
description: Readings as they come. All files that match are one table.
tests:
  - row_count: {min: 1}
*/
SELECT * FROM read_csv('data/source/readings*.csv', header = true, columns = {
    'sensor': 'VARCHAR', 'at': 'TIMESTAMP', 'celsius': 'DOUBLE'})
