/* eider
description: What each country has paid. Its file is written after the table is there.
export: data/final/revenue_by_country.csv
*/
SELECT country, count(*) AS orders, sum(amount) AS revenue FROM orders GROUP BY country ORDER BY revenue DESC, country
