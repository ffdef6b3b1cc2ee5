/* eider
description: A query that must find nothing. It runs after what it reads.
severity: warn
*/
SELECT o.id, o.country FROM source_orders o ANTI JOIN countries c ON c.code = o.country
