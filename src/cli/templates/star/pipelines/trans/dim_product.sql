/* eider
description: One row a product.
columns:
  product_id: {tests: [unique, not_null]}
*/
SELECT product_id, name, category, price FROM source_products ORDER BY product_id
