SELECT customer_id, name, count(order_id) AS orders, coalesce(sum(amount), 0) AS total
FROM {{ ref('stg_customers') }} LEFT JOIN {{ ref('stg_orders') }} USING (customer_id)
LEFT JOIN {{ ref('regions') }} USING (customer_id)
GROUP BY ALL
