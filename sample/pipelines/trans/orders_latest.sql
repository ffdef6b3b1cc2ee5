/* eider
materialize: ephemeral
description: Each order line once, as it was last written.
owner: data@example.com
*/
SELECT * FROM source_orders
QUALIFY row_number() OVER (PARTITION BY order_id, line ORDER BY ordered_at DESC) = 1
