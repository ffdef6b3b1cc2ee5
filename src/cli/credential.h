/* What the command line proves itself with: EIDER_TOKEN, else what `eider login` has stored for the server. The file is
 * credentials.json in the user's configuration directory ($XDG_CONFIG_HOME/eider, else ~/.config/eider), mode 0600. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* The token for a server; empty when there is none. ERR_PRECONDITION when others may read the file. */
bool cli_credential_find(struct arena *arena, struct str url, struct str *token_out, struct err *err) MUST_USE;
/* Keeps the token, in place of an older one for this server; an empty token forgets it. The file is replaced at once or
 * not at all. */
bool cli_credential_store(struct arena *arena, struct str url, struct str token, struct err *err) MUST_USE;
/* Where the file is. */
struct str cli_credential_path(struct arena *arena);
