/* eider
materialize: incremental
unique_key: sale_id
watermark: sold_at
description: One row a sale. Each run adds what is newer than the newest row; --full-refresh builds it anew.
columns:
  customer_id: {tests: [relationships: dim_customer.customer_id]}
  product_id: {tests: [relationships: dim_product.product_id]}
  day: {tests: [relationships: dim_date.day]}
tests:
  - expression: amount > 0
*/
SELECT s.sale_id, s.sold_at, CAST(s.sold_at AS DATE) AS day, s.customer_id, s.product_id, s.quantity,
       CAST(s.quantity * p.price AS DECIMAL(18, 2)) AS amount
FROM source_sales s JOIN dim_product p USING (product_id)
WHERE s.sold_at >= coalesce(getvariable('eider_watermark'), TIMESTAMP '1970-01-01')
ORDER BY s.sale_id
