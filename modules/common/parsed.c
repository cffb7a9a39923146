#include "parsed.h"

#include "charsets.h"
#include "groups.h"

/* Bodies are read from the stream when somebody asks for them: by then it has the octets again. */
GMimeMessage *parsed_mail(struct gw_str octets)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(octets.ptr, octets.len);
	char *copy = (char *)g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream))->data;
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message;

	if (octets.len) {
		charsets_mask_mail(copy, octets.len);
		groups_mask_mail(copy, octets.len);
	}
	message = g_mime_parser_construct_message(parser, NULL);
	if (octets.len)
		memcpy(copy, octets.ptr, octets.len);
	g_object_unref(parser);
	g_object_unref(stream);
	return message;
}

GByteArray *parsed_octets(GMimePart *part)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GByteArray *octets = g_byte_array_new();
	GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(octets);

	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	if (content)
		g_mime_data_wrapper_write_to_stream(content, stream);
	g_object_unref(stream);
	return octets;
}
