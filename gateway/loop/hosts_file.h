/* hosts_file.h - what the administrator says of host names in /etc/hosts. */
#ifndef LOOP_HOSTS_FILE_H
#define LOOP_HOSTS_FILE_H

#include "loop/dns.h"

/* The addresses of the name, in the order of the file, `room` at most; 0: it is not in there, or
 * there is no such file. Reads the file: for a thread of the pool. */
size_t hosts_file_find(const char *path, const char *name, union dns_address *to, size_t room);

#endif
