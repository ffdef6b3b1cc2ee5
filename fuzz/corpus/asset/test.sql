/* eider
severity: warn
tags: a
*/
SELECT * FROM orders WHERE total < 0
