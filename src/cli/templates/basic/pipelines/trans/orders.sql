/* eider
description: Paid orders, with the name of the country.
columns:
  id: {tests: [unique, not_null]}
  country: {description: Its English name}
tests:
  - expression: amount > 0
*/
SELECT o.id, o.customer, c.country, o.amount, o.day
FROM source_orders o JOIN countries c ON c.code = o.country
WHERE o.status = 'paid'
ORDER BY o.id
