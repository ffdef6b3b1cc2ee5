/* eider
materialize: iceberg
description: Coldest, warmest and mean of each sensor and day.
export: data/final/climate_by_day.csv
*/
SELECT CAST("at" AS DATE) AS day, sensor, min(celsius) AS coldest, max(celsius) AS warmest,
       round(avg(celsius), 2) AS mean
FROM readings GROUP BY ALL ORDER BY day, sensor
