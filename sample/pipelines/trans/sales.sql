/* eider
materialize: incremental
strategy: delete+insert
unique_key: [order_id, line]
watermark: ordered_at
description: What was paid, one row an order line. Only lines that are newer than the newest here are looked at again.
owner: data@example.com
tags: [hourly]
columns:
  order_id: {type: INTEGER, description: Number of the order}
  line: {type: INTEGER, description: Line of the order}
  ordered_at: {type: TIMESTAMP, description: "When it was paid, UTC"}
  customer_id: {type: INTEGER, tests: [relationships: customers.customer_id]}
  product_id: {type: INTEGER, tests: [relationships: source_products.product_id]}
  category: {type: VARCHAR, description: Of the product}
  quantity: {type: INTEGER, description: Pieces}
  amount: {type: "DECIMAL(18,2)", description: "In euros, without tax"}
tests:
  - unique: [order_id, line]
  - expression: {name: amount_is_positive, sql: amount > 0, severity: error, blocking: true}
export: data/processed/sales.csv
*/
SELECT o.order_id, o.line, o.ordered_at, o.customer_id, o.product_id, p.category, o.quantity,
       CAST(o.quantity * p.price AS DECIMAL(18, 2)) AS amount
FROM orders_latest o JOIN source_products p USING (product_id)
WHERE o.status = 'paid'
  AND o.ordered_at >= coalesce(getvariable('eider_watermark'), TIMESTAMP '1970-01-01')
ORDER BY o.ordered_at, o.order_id, o.line
