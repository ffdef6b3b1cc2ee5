/* eider
description: Customers as they come.
*/
SELECT * FROM read_csv('data/source/customers.csv', header = true, columns = {
    'customer_id': 'INTEGER', 'name': 'VARCHAR', 'city': 'VARCHAR'})
