SELECT id AS customer_id, trim(name) AS name FROM {{ source('shop', 'customers') }}
