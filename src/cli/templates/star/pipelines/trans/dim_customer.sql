/* eider
description: One row a customer.
columns:
  customer_id: {tests: [unique, not_null]}
  country: {description: Of the city, tests: [not_null]}
*/
SELECT s.customer_id, s.name, s.city, c.country
FROM source_customers s LEFT JOIN cities c USING (city)
ORDER BY s.customer_id
