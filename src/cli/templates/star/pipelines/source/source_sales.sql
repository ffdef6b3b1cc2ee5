/* eider
description: Sales as they come. All files that match are one table.
tests:
  - row_count: {min: 1}
*/
SELECT * FROM read_csv('data/source/sales*.csv', header = true, columns = {
    'sale_id': 'INTEGER', 'sold_at': 'TIMESTAMP', 'customer_id': 'INTEGER', 'product_id': 'INTEGER',
    'quantity': 'INTEGER'})
