/* eider
description: What came in each day, by category.
owner: data@example.com
freshness: {max_age: 1d}
columns:
  day: {type: DATE, description: Of the payment, tests: [not_null]}
  category: {type: VARCHAR, description: Of the products}
  orders: {type: BIGINT, description: How many orders had some of it}
  pieces: {type: BIGINT, description: How many pieces}
  revenue: {type: "DECIMAL(38,2)", description: "In euros, without tax"}
tests:
  - unique: [day, category]
  - row_count: {min: 1, max: 100000}
export: [data/final/revenue_by_day.csv, data/final/revenue_by_day.parquet]
*/
SELECT CAST(ordered_at AS DATE) AS day, category, count(DISTINCT order_id) AS orders,
       CAST(sum(quantity) AS BIGINT) AS pieces, sum(amount) AS revenue
FROM sales GROUP BY ALL ORDER BY day, category
