/* What was dropped: deleted when its time is over. */
#pragma once

struct catalog;

void drop_start(struct catalog *catalog);
/* Something was dropped: deletes it when it is due. */
void drop_schedule(struct catalog *catalog);
/* No deletion begins any more. */
void drop_stop(struct catalog *catalog);
/* Those that have begun are forgotten: their jobs never come. */
void drop_done(struct catalog *catalog);
