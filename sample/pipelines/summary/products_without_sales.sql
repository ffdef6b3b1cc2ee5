/* eider
materialize: view
description: Products that nobody has paid for yet.
owner: data@example.com
tests:
  - row_count: {max: 0, severity: warn}
*/
SELECT p.product_id, p.name FROM source_products p ANTI JOIN sales USING (product_id)
