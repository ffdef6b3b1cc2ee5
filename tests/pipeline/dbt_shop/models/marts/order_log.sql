{{ config(materialized='incremental') }}
SELECT order_id, amount, placed, {{ 1 if is_incremental() else 0 }} AS later FROM {{ ref('stg_orders') }}
{% if is_incremental() %} WHERE order_id > (SELECT max(order_id) FROM {{ this }}) {% endif %}
