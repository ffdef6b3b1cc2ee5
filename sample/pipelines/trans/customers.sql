/* eider
materialize: view
description: Customers with clean names, one spelling of addresses, and the name of their country.
owner: data@example.com
columns:
  customer_id: {type: INTEGER, description: Number of the customer, tests: [unique]}
  name: {type: VARCHAR, description: Without blanks around it}
  email: {type: VARCHAR, description: In lower case}
  country: {type: VARCHAR, description: Its English name, tests: [not_null]}
  vat: {type: DOUBLE, description: Rate of the value added tax there}
*/
SELECT customer_id, trim(s.name) AS name, lower(s.email) AS email, c.country, c.vat
FROM source_customers s JOIN countries c ON c.code = s.country
