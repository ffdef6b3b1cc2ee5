/* eider
description: Products as they come.
*/
SELECT * FROM read_csv('data/source/products.csv', header = true, columns = {
    'product_id': 'INTEGER', 'name': 'VARCHAR', 'category': 'VARCHAR', 'price': 'DECIMAL(10,2)'})
