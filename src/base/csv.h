/* CSV as RFC 4180 writes it. */
#pragma once
#include "base/buf.h"

/* One field, quoted where it must be. An empty text is quoted, which tells it from NULL. */
void csv_append(struct buf *buf, struct str text);
