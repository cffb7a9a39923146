/* layout.c - where the released members of the public structs stand (x86-64). Compiled, not run: a
 * line that fails means that modules built with a released header would call the wrong function.
 * Lines are added at a release and never changed. */
#include <gateway/module.h>

#define AT(type, member, offset)                                                                   \
	_Static_assert(offsetof(struct type, member) == (offset), #type "." #member " has moved")
#define SIZE(type, bytes)                                                                          \
	_Static_assert(sizeof(struct type) == (bytes), "size of " #type " has changed")
#define SIZE_AT_LEAST(type, bytes)                                                                 \
	_Static_assert(sizeof(struct type) >= (bytes), #type " has shrunk")

#if defined(__x86_64__) && !defined(__ILP32__)

/* --- 1.0 --- */
AT(gw_module, size, 0);
AT(gw_module, need, 4);
AT(gw_module, name, 8);
AT(gw_module, version, 16);
AT(gw_module, summary, 24);
AT(gw_module, options, 32);
AT(gw_module, conf_size, 40);
AT(gw_module, relay_options, 48);
AT(gw_module, relay_conf_size, 56);
AT(gw_module, session_size, 64);
AT(gw_module, message_size, 72);
AT(gw_module, delivery_size, 80);
AT(gw_module, verbs, 88);
AT(gw_module, start, 96);
AT(gw_module, stop, 104);
AT(gw_module, connect, 112);
AT(gw_module, ehlo, 120);
AT(gw_module, auth, 128);
AT(gw_module, mail, 136);
AT(gw_module, rcpt, 144);
AT(gw_module, message, 152);
AT(gw_module, route, 160);
AT(gw_module, admit, 168);
AT(gw_module, prepare, 176);
AT(gw_module, login, 184);
AT(gw_module, deliver, 192);
AT(gw_module, fallback, 200);
AT(gw_module, bounce, 208);
AT(gw_module, probe, 216);
AT(gw_module, result, 224);
AT(gw_module, leave, 232);
AT(gw_module, event, 240);
AT(gw_module, tick, 248);
AT(gw_module, status, 256);
AT(gw_module, relay_status, 264);
AT(gw_module, control, 272);
AT(gw_module, check, 280);
AT(gw_module, worker_start, 288);
AT(gw_module, worker_stop, 296);
AT(gw_module, timer, 304);
AT(gw_module, http, 312);
AT(gw_module, clients, 320);
AT(gw_module, once, 328);
AT(gw_services, size, 0);
AT(gw_services, minor, 4);
AT(gw_services, release, 8);
AT(gw_services, log, 16);
AT(gw_services, now, 24);
AT(gw_services, instance, 32);
AT(gw_services, hostname, 40);
AT(gw_services, conf, 48);
AT(gw_services, instance_data, 56);
AT(gw_services, instance_data_set, 64);
AT(gw_services, alloc, 72);
AT(gw_services, session_data, 80);
AT(gw_services, message_data, 88);
AT(gw_services, delivery_data, 96);
AT(gw_services, session_fact, 104);
AT(gw_services, session_number, 112);
AT(gw_services, message_fact, 120);
AT(gw_services, message_number, 128);
AT(gw_services, rcpt_fact, 136);
AT(gw_services, rcpt_number, 144);
AT(gw_services, delivery_fact, 152);
AT(gw_services, delivery_number, 160);
AT(gw_services, relay_fact, 168);
AT(gw_services, relay_number, 176);
AT(gw_services, delivery_message, 184);
AT(gw_services, message_rcpt, 192);
AT(gw_services, delivery_rcpt, 200);
AT(gw_services, relay_at, 208);
AT(gw_services, relay_named, 216);
AT(gw_services, relay_conf, 224);
AT(gw_services, note, 232);
AT(gw_services, note_set, 240);
AT(gw_services, offload, 248);
AT(gw_services, hold, 256);
AT(gw_services, wake, 264);
AT(gw_services, event_base, 272);
AT(gw_services, reply, 280);
AT(gw_services, wait_until, 288);
AT(gw_services, reason, 296);
AT(gw_services, capability, 304);
AT(gw_services, identify, 312);
AT(gw_services, type_set, 320);
AT(gw_services, header, 328);
AT(gw_services, header_named, 336);
AT(gw_services, body_offset, 344);
AT(gw_services, read, 352);
AT(gw_services, route_add, 360);
AT(gw_services, delivery_header, 368);
AT(gw_services, delivery_body, 376);
AT(gw_services, header_add, 384);
AT(gw_services, header_replace, 392);
AT(gw_services, header_drop, 400);
AT(gw_services, body_replace, 408);
AT(gw_services, return_path_set, 416);
AT(gw_services, login_set, 424);
AT(gw_services, delivery_read, 432);
AT(gw_services, outcome, 440);
AT(gw_services, counter_add, 448);
AT(gw_services, counter_get, 456);
AT(gw_services, record_put, 464);
AT(gw_services, record_get, 472);
AT(gw_services, record_drop, 480);
AT(gw_services, record_each, 488);
AT(gw_services, count, 496);
AT(gw_services, status_line, 504);
AT(gw_services, answer, 512);
AT(gw_services, problem, 520);
AT(gw_services, emit, 528);
AT(gw_services, submit, 536);
AT(gw_services, problem_at, 544);
AT(gw_services, day, 552);
AT(gw_services, accept_then_bounce, 560);
AT(gw_services, cause, 568);
AT(gw_services, split, 576);
AT(gw_services, wait_on, 584);
AT(gw_services, notify, 592);
AT(gw_services, fault, 600);
AT(gw_services, hold_message, 608);
AT(gw_services, relay_close, 616);
AT(gw_services, relay_open, 624);
AT(gw_services, relay_closed, 632);
AT(gw_services, relay_connections, 640);
AT(gw_services, skipped, 648);
AT(gw_services, domain_ascii, 656);
AT(gw_services, worker_data, 664);
AT(gw_services, worker_data_set, 672);
AT(gw_services, timer_set, 680);
AT(gw_services, timer_clear, 688);
AT(gw_services, lookup, 696);
AT(gw_services, http_request, 704);
AT(gw_services, http_cancel, 712);
AT(gw_services, await_next_hop, 720);
AT(gw_services, json_create, 728);
AT(gw_services, json_destroy, 736);
AT(gw_services, json_begin, 744);
AT(gw_services, json_end, 752);
AT(gw_services, json_string, 760);
AT(gw_services, json_format, 768);
AT(gw_services, json_number, 776);
AT(gw_services, json_bool, 784);
AT(gw_services, json_time, 792);
AT(gw_services, json_text, 800);
AT(gw_services, table_create, 808);
AT(gw_services, table_row, 816);
AT(gw_services, answer_json, 824);
AT(gw_services, json_read, 832);
AT(gw_services, json_free, 840);
AT(gw_services, json_kind, 848);
AT(gw_services, json_member, 856);
AT(gw_services, json_item, 864);
AT(gw_services, json_count, 872);
AT(gw_services, json_value_string, 880);
AT(gw_services, json_value_number, 888);
AT(gw_services, json_value_bool, 896);
AT(gw_services, offload_ranked, 904);
AT(gw_services, mechanism, 912);
AT(gw_services, proof_keys, 920);
AT(gw_services, client_known, 928);
AT(gw_services, client_each, 936);
AT(gw_services, login, 944);
AT(gw_services, login_refused, 952);

/* Handed over by value or in arrays: these never change. The others begin with their size and may
 * grow. */
SIZE(gw_async, 24);
SIZE(gw_column, 16);
SIZE(gw_option, 88);
SIZE(gw_groups, 16);
SIZE(gw_list, 16);
SIZE(gw_str, 16);
SIZE_AT_LEAST(gw_login, 80);
SIZE_AT_LEAST(gw_proof_keys, 56);
SIZE_AT_LEAST(gw_identity, 56);
SIZE_AT_LEAST(gw_client, 96);
SIZE_AT_LEAST(gw_header, 56);
SIZE_AT_LEAST(gw_outcome, 72);
SIZE_AT_LEAST(gw_result, 96);
SIZE_AT_LEAST(gw_closure, 48);
SIZE_AT_LEAST(gw_day, 32);
SIZE_AT_LEAST(gw_event, 120);
SIZE_AT_LEAST(gw_command, 56);
SIZE_AT_LEAST(gw_submission, 72);
SIZE_AT_LEAST(gw_module, 336);
SIZE_AT_LEAST(gw_http_request, 112);
SIZE_AT_LEAST(gw_http_answer, 64);
SIZE_AT_LEAST(gw_lookup, 56);
SIZE_AT_LEAST(gw_services, 960);

#endif
