/* eider
materialize: iceberg
description: Readings that have a value, as an Iceberg table that other engines read as well.
columns:
  sensor: {tests: [not_null]}
  celsius: {description: Degrees, tests: [not_null]}
tests:
  - unique: [sensor, at]
  - expression: celsius BETWEEN -60 AND 60
*/
SELECT r.sensor, s.place, s.floor, r."at", r.celsius
FROM source_readings r JOIN sensors s USING (sensor)
WHERE r.celsius IS NOT NULL
ORDER BY r.sensor, r."at"
