/* eider
materialize: incremental
strategy: merge
unique_key: [id]
watermark: at
partition_by: {day: at, start: 2026-01-01}
schedule: {cron: "0 6 * * *", zone: Europe/Berlin, catch_up: all, overlap: queue, jitter: 10s, paused: true}
retries: {max: 3, delay: 1s, backoff: exponential, cap: 1m, jitter: 0.2, on: [source, unavailable]}
timeout: 10min
freshness: {max_age: 1d}
export:
  - data/final/x.csv
  - {path: data/processed/y.bin, format: arrow}
columns:
  id: {type: BIGINT, description: key, tests: [not_null, unique]}
  state: {tests: [{accepted_values: [new, paid]}]}
  customer_id: {tests: [{relationships: {to: customers, field: id, severity: warn}}]}
tests:
  - unique: [id, at]
  - row_count: {min: 1, max: 10, blocking: false}
  - expression: total >= 0
  - freshness: {column: at, max_age: 1d}
owner: ann
description: orders
group: trans
tags: [daily, shop]
depends_on: customers
connection: shop
*/
SELECT * FROM read_csv('data/source/*.csv')
