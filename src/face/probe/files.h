/* The descriptions of what is served (*.proto of this room), as a FileDescriptorSet in the program
 * (https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/descriptor.proto). */
#pragma once
#include "base/buf.h"

/* Appends a FileDescriptorResponse: the file and all that it imports. false: no such file. */
bool probe_files_by_name(struct buf *buf, struct str name);
/* The same for the file that declares a service, method, message, field, enum or value, by full name. */
bool probe_files_by_symbol(struct buf *buf, struct str symbol);
/* A message of that full name is described, so it could be extended (it is not). */
bool probe_files_has_symbol(struct str symbol);
/* Appends a ListServiceResponse. */
void probe_files_services(struct buf *buf);
