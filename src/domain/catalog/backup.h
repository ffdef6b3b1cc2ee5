/* Deletions wait while a backup is taken: every file that nobody needs any more goes through here. */
#pragma once

struct catalog;
struct work_job;

/* work_submit, now or when the backup that is being taken has a name for every file. */
void backup_submit_deletion(struct catalog *catalog, struct work_job *job);
/* Deletes what a backup left behind when the server was killed. */
void backup_start(struct catalog *catalog);
/* The jobs have ended or never come. */
void backup_done(struct catalog *catalog);
