/* eider
description: What each customer has bought, with tax, the best first.
owner: data@example.com
columns:
  customer_id: {type: INTEGER, tests: [unique, not_null]}
  gross: {description: "In euros, with the tax of their country"}
export: {path: data/final/customer_value.json, format: json}
*/
SELECT c.customer_id, c.name, c.country, count(DISTINCT s.order_id) AS orders,
       CAST(sum(s.amount * (1 + c.vat)) AS DECIMAL(18, 2)) AS gross, max(CAST(s.ordered_at AS DATE)) AS last_order
FROM customers c JOIN sales s USING (customer_id)
GROUP BY ALL ORDER BY gross DESC, c.customer_id
