/* gateway/hooks.h - how the rows of <gateway/hooks.def> are read.
 *
 * Every hook is one row of that file, and nowhere else: the members of struct gw_module, what the
 * gateway hands to each, which verdicts it takes, what the testkit offers, the trampolines of
 * <gateway/module.hh> and the table in ABI.md are made from it. Who reads it defines both of
 *
 *     GW_DECIDES(name, first, second, mode, verdicts, broken, asked, otherwise, breaks)
 *     GW_OBSERVES(name, first, second, thread, asked)
 *
 * and includes it; the file takes both back at its end.
 *
 * `first` and `second` are what the hook is given behind its call: names of the GW_PARAM_ below.
 *
 * `mode` is ALL (every module is asked), CLAIM (until one says ACCEPT) or VOTE (all, and an ACCEPT
 * is a vote, which ends nothing).
 *
 * `verdicts` are those it may answer beside CONTINUE, FAILED and PENDING: each but a vote ends the
 * chain, any other counts as FAILED (an ACCEPT that nobody counts as CONTINUE). When every module
 * said CONTINUE, so does the chain.
 *
 * `broken` is what FAILED (crashed, late, nonsense) becomes where the instance has no on_error.
 *
 * `thread` is WORKER, or MAIN: on no worker. Hooks that decide run on the worker of their subject.
 *
 * `asked`, `otherwise` and `breaks` say who is asked, and what CONTINUE of all and FAILED mean, for
 * people. */
#ifndef GATEWAY_HOOKS_H
#define GATEWAY_HOOKS_H

struct gw_call;
struct gw_session;
struct gw_login;
struct gw_message;
struct gw_rcpt;
struct gw_delivery;
struct gw_relay;
struct gw_result;
struct gw_event;
struct gw_command;
struct gw_http_answer;
struct gw_dns_answer;
struct gw_link;
struct gw_kept;

#define GW_CAN(verdict) (1u << GW_##verdict)

/* The parameters, and the arguments of the same names. What is no object of the gateway (a login, a
 * result) lives until the hook returns. */
#define GW_PARAM_NONE
#define GW_PARAM_SESSION , struct gw_session *session
#define GW_PARAM_LOGIN , const struct gw_login *login
#define GW_PARAM_MESSAGE , struct gw_message *message
#define GW_PARAM_RCPT , struct gw_rcpt *rcpt
#define GW_PARAM_DELIVERY , struct gw_delivery *delivery
#define GW_PARAM_RELAY , struct gw_relay *relay
#define GW_PARAM_RESULT , const struct gw_result *result
#define GW_PARAM_EVENT , const struct gw_event *event
#define GW_PARAM_COMMAND , const struct gw_command *command
#define GW_PARAM_HTTP_ANSWER , const struct gw_http_answer *answer
#define GW_PARAM_DNS_ANSWER , const struct gw_dns_answer *records
#define GW_PARAM_LINK , const struct gw_link *link
#define GW_PARAM_KEPT , const struct gw_kept *kept
#define GW_PARAM_ARG , void *arg

#define GW_PASS_NONE
#define GW_PASS_SESSION , session
#define GW_PASS_LOGIN , login
#define GW_PASS_MESSAGE , message
#define GW_PASS_RCPT , rcpt
#define GW_PASS_DELIVERY , delivery
#define GW_PASS_RELAY , relay
#define GW_PASS_RESULT , result
#define GW_PASS_EVENT , event
#define GW_PASS_COMMAND , command
#define GW_PASS_HTTP_ANSWER , answer
#define GW_PASS_DNS_ANSWER , records
#define GW_PASS_LINK , link
#define GW_PASS_KEPT , kept
#define GW_PASS_ARG , arg

#endif
