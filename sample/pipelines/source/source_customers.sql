/* eider
description: Customers as the shop exports them; names and addresses are as people typed them.
owner: shop@example.com
tags: [raw]
columns:
  customer_id: {type: INTEGER, tests: [not_null, unique]}
  email: {type: VARCHAR, description: As typed}
*/
SELECT * FROM read_csv('data/source/customers.csv', header = true, columns = {
    'customer_id': 'INTEGER', 'name': 'VARCHAR', 'email': 'VARCHAR', 'country': 'VARCHAR'})
