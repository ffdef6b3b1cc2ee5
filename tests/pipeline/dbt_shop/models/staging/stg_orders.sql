SELECT id AS order_id, customer AS customer_id, amount, placed FROM {{ source('shop', 'orders') }}
