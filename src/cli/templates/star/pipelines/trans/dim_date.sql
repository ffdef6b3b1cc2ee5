/* eider
description: One row a day, from the first sale's month to the last one's.
columns:
  day: {tests: [unique, not_null]}
*/
SELECT CAST(d AS DATE) AS day, year(d) AS year, month(d) AS month, strftime(d, '%Y-%m') AS month_name,
       isodow(d) >= 6 AS weekend
FROM (SELECT unnest(generate_series(date_trunc('month', min(sold_at)), last_day(max(sold_at)), INTERVAL 1 DAY)) AS d
      FROM source_sales)
ORDER BY day
