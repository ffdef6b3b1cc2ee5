/* eider
description: What the shop sells, JSON from its catalogue.
owner: shop@example.com
tags: [raw]
columns:
  product_id: {type: INTEGER, tests: [not_null, unique]}
  price: {type: "DECIMAL(10,2)", description: "Per piece, in euros, without tax"}
tests:
  - expression: price > 0
*/
SELECT * FROM read_json('data/source/products.json', columns = {
    product_id: 'INTEGER', name: 'VARCHAR', category: 'VARCHAR', price: 'DECIMAL(10,2)'})
