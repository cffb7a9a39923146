/* s3_xml.h - what S3 answers: XML of which only names and texts matter. */
#ifndef ARCHIVE_S3_XML_H
#define ARCHIVE_S3_XML_H

#include <gateway/str.h>

#include <glib.h>

/* An element has ended: with its text, or NULL where it has elements in it. `parent`: the name of
 * the one around it; "": it is the outermost. */
typedef void s3_element(void *arg, const char *parent, const char *name, const char *text);

/* False: it is no XML, or nests too deep; what came before that was told. */
bool s3_xml_read(const char *text, size_t len, s3_element *element, void *arg);

/* The text of the first element of that name; to be freed. NULL: there is none. */
char *s3_xml_find(const char *text, size_t len, const char *name);

#endif
