/* eider
description: Order lines as the shop writes them, one file a day. A line comes again when its status changes.
owner: shop@example.com
tags: [raw, hourly]
columns:
  order_id: {type: INTEGER, description: Number of the order}
  line: {type: INTEGER, description: Line of the order from 1}
  ordered_at: {type: TIMESTAMP, description: "When it was written, UTC"}
  status: {type: VARCHAR, description: "open, paid or cancelled", tests: [accepted_values: [open, paid, cancelled]]}
  file: {type: VARCHAR, description: Where it stood}
tests:
  - not_null: [order_id, line, customer_id, product_id]
  - row_count: {min: 1}
retries: {max: 3, delay: 2s, backoff: exponential, cap: 30s, jitter: 0.2, on: [source]}
*/
SELECT order_id, line, ordered_at, customer_id, product_id, quantity, status, parse_filename(filename) AS file
FROM read_csv('data/source/orders_*.csv', filename = true, header = true, columns = {
    'order_id': 'INTEGER', 'line': 'INTEGER', 'ordered_at': 'TIMESTAMP', 'customer_id': 'INTEGER',
    'product_id': 'INTEGER', 'quantity': 'INTEGER', 'status': 'VARCHAR'})
