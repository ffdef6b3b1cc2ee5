/* eider
description: Orders as they come, nothing changed. All files that match are one table.
tests:
  - row_count: {min: 1}
*/
SELECT * FROM read_csv('data/source/orders*.csv', header = true, columns = {
    'id': 'INTEGER', 'customer': 'VARCHAR', 'country': 'VARCHAR', 'amount': 'DECIMAL(10,2)', 'day': 'DATE',
    'status': 'VARCHAR'})
