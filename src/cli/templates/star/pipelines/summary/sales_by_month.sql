/* eider
description: What each country bought of each category in each month.
export: data/final/sales_by_month.csv
*/
SELECT d.month_name AS month, c.country, p.category, sum(f.quantity) AS pieces, sum(f.amount) AS amount
FROM fact_sales f
JOIN dim_date d USING (day)
JOIN dim_customer c USING (customer_id)
JOIN dim_product p USING (product_id)
GROUP BY ALL ORDER BY month, country, category
