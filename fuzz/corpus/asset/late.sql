SELECT 1
/* eider
owner: x
*/