/* eider
description: A query that must find nothing.
*/
SELECT sale_id FROM source_sales ANTI JOIN fact_sales USING (sale_id)
