-- Fails when there is an order of 1000 or more: a division by zero that DuckDB sees when it runs.
SELECT order_id, CASE WHEN amount >= 1000 THEN error('an order of ' || amount) ELSE amount END AS amount
FROM {{ ref('stg_orders') }}
