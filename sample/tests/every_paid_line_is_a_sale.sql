/* eider
description: Nothing that was paid may be missing in sales.
*/
SELECT o.order_id, o.line FROM source_orders o ANTI JOIN sales s USING (order_id, line) WHERE o.status = 'paid'
