/* eider
description: A query that must find nothing.
severity: warn
*/
SELECT DISTINCT sensor FROM source_readings ANTI JOIN sensors USING (sensor)
