/* classify_test.c - what next hops really say, and what is made of it with the table as it is
 * shipped. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

static const struct row {
	const char *stage;
	int code;
	const char *text; /* as on the wire, its status in front */
	const char *class;
	enum gw_fault fault;
	const char *does; /* "counts", "throttle", "limit", "suspend", "" */
} rows[] = {
#define R GW_FAULT_RELAY
#define A GW_FAULT_ACCOUNT
#define P GW_FAULT_RECIPIENT
#define M GW_FAULT_MESSAGE
	/* Google: smtp.gmail.com and the SMTP relay service */
	{ "greeting", 421, "4.7.0 Try again later, closing connection. d9443c01a7336-20d - gsmtp",
	  "throttle", A, "throttle" },
	{ "ehlo", 421,
	  "4.7.0 Temporary System Problem.  Try again later (10). ffacd0b85a97d - gsmtp",
	  "auth_temp", A, "counts" },
	{ "mail", 421, "4.3.0 Temporary System Problem. Try again later - gsmtp", "closing", R,
	  "counts" },
	{ "mail", 421, "4.4.5 Server busy, try again later. - gsmtp", "busy", R, "" },
	{ "rcpt", 450,
	  "4.2.1 Peak SMTP relay limit exceeded for customer. This is a temporary\nerror. For more information - gsmtp",
	  "throttle", A, "throttle" },
	{ "rcpt", 450,
	  "4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend your message at a later time.",
	  "recipient", P, "" },
	{ "auth", 454,
	  "4.7.0 Too many login attempts, please try again later. For more information, go to - gsmtp",
	  "auth_failed", A, "counts" },
	{ "auth", 454,
	  "4.7.0 Cannot authenticate due to a temporary system problem. Try again later. - gsmtp",
	  "auth_temp", A, "counts" },
	{ "auth", 535,
	  "5.7.8 Username and Password not accepted. For more information, go to\nhttps://support.google.com/mail/ - gsmtp",
	  "auth_failed", A, "counts" },
	{ "auth", 534,
	  "5.7.9 Application-specific password required. For more information, go to - gsmtp",
	  "auth_failed", A, "counts" },
	{ "auth", 534, "5.7.14 Please log in via your web browser and then try again. - gsmtp",
	  "auth_failed", A, "counts" },
	{ "auth", 501, "5.5.2 Cannot Decode response - gsmtp", "login", A, "counts" },
	{ "auth", 504, "5.7.4 Unrecognized Authentication Type - gsmtp", "auth_failed", A,
	  "counts" },
	{ "auth", 538, "5.7.11 Encryption required for requested authentication mechanism",
	  "auth_failed", A, "counts" },
	{ "mail", 530, "5.5.1 Authentication Required. For more information, go to - gsmtp",
	  "auth_failed", A, "counts" },
	{ "mail", 530, "5.7.0 Must issue a STARTTLS command first. - gsmtp", "login", A, "counts" },
	{ "mail", 550,
	  "5.4.5 Daily user sending limit exceeded. For more information on Gmail\nsending limits go to - gsmtp",
	  "quota_day", A, "limit" },
	{ "dot", 550, "5.4.5 Daily SMTP relay sending limit exceeded for this user. - gsmtp",
	  "quota_day", A, "limit" },
	{ "rcpt", 550,
	  "5.7.1 Daily SMTP relay limit exceeded for customer. For more information - gsmtp",
	  "quota_day", A, "limit" },
	{ "rcpt", 550,
	  "5.7.0 Mail relay denied [192.0.2.7]. Invalid credentials for relay for one of the domains in: - gsmtp",
	  "sender_refused", A, "" },
	{ "mail", 550,
	  "5.7.0 Mail Sending denied. This error occurs if the sender account is disabled - gsmtp",
	  "account_blocked", A, "suspend" },
	{ "rcpt", 550,
	  "5.1.1 The email account that you tried to reach does not exist. Please try\ndouble-checking - gsmtp",
	  "recipient", P, "" },
	{ "rcpt", 552, "5.2.2 The email account that you tried to reach is over quota. - gsmtp",
	  "recipient", P, "" },
	{ "rcpt", 452, "4.2.2 The email account that you tried to reach is over quota. - gsmtp",
	  "recipient", P, "" },
	{ "rcpt", 452, "4.5.3 Your message has too many recipients. - gsmtp", "recipient", P, "" },
	{ "dot", 552, "5.2.3 Your message exceeded Google's message size limits. - gsmtp",
	  "content", M, "" },
	{ "dot", 552,
	  "5.7.0 This message was blocked because its content presents a potential security issue. - gsmtp",
	  "content", M, "" },
	{ "dot", 550,
	  "5.7.1 Our system has detected that this message is likely unsolicited mail. - gsmtp",
	  "content", M, "" },
	{ "dot", 550,
	  "5.7.26 This mail has been blocked because the sender is unauthenticated. - gsmtp",
	  "sender_domain", M, "" },
	{ "dot", 451, "4.3.0 Mail server temporarily rejected message. - gsmtp", "system", R, "" },
	/* Microsoft: smtp.office365.com */
	{ "auth", 535, "5.7.3 Authentication unsuccessful [FR0P281CA0001.DEUP281.PROD.OUTLOOK.COM]",
	  "auth_expired", A, "counts" },
	{ "auth", 501, "5.5.127 OAuth token is not valid for this account", "auth_expired", A,
	  "counts" },
	{ "auth", 535,
	  "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
	  "auth_failed", A, "counts" },
	{ "auth", 535, "5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
	  "auth_failed", A, "counts" },
	{ "auth", 550, "5.7.30 Basic authentication is not supported for Client Submission.",
	  "auth_failed", A, "counts" },
	{ "auth", 504,
	  "5.7.4 Unrecognized authentication type [AM0PR02CA0001.eurprd02.prod.outlook.com]",
	  "auth_failed", A, "counts" },
	{ "auth", 454, "4.7.0 Temporary authentication failure", "auth_temp", A, "counts" },
	{ "auth", 432, "4.7.12 A password transition is needed", "auth_temp", A, "counts" },
	{ "mail", 530, "5.7.57 Client not authenticated to send mail. [AM0PR02CA0001]",
	  "auth_failed", A, "counts" },
	{ "mail", 550,
	  "5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM",
	  "auth_failed", A, "counts" },
	{ "dot", 432,
	  "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded [Hostname=AM0PR02MB0001]",
	  "throttle", A, "throttle" },
	{ "mail", 432,
	  "4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.",
	  "throttle", A, "throttle" },
	{ "dot", 554, "5.2.0 STOREDRV.Submission.Exception: sender thread limit exceeded",
	  "throttle", A, "throttle" },
	{ "dot", 550,
	  "5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
	  "quota_day", A, "limit" },
	{ "dot", 550, "5.2.2 Submission quota exceeded", "quota_day", A, "limit" },
	{ "dot", 550,
	  "5.7.233 Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients",
	  "quota_day", A, "limit" },
	{ "mail", 550, "5.7.60 SMTP; Client does not have permissions to send as this sender",
	  "sender_refused", A, "" },
	{ "dot", 554,
	  "5.2.252 SendAsDenied; relay@example.com not allowed to send as sales@example.com",
	  "sender_refused", A, "" },
	{ "rcpt", 550, "5.7.64 TenantAttribution; Relay Access Denied [AM0PR02CA0001]",
	  "sender_refused", A, "" },
	{ "rcpt", 550, "5.7.68 TenantInboundAttribution; Relay Access Denied", "sender_refused", A,
	  "" },
	{ "dot", 550, "5.1.8 Access denied, bad outbound sender. For more information please go to",
	  "account_blocked", A, "suspend" },
	{ "dot", 550, "5.7.705 Access denied, tenant has exceeded threshold. Please visit",
	  "account_blocked", A, "suspend" },
	{ "dot", 550,
	  "5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.",
	  "account_blocked", A, "suspend" },
	{ "dot", 550,
	  "5.7.750 Service unavailable. Client blocked from sending from unregistered domains.",
	  "account_blocked", A, "suspend" },
	{ "rcpt", 550,
	  "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
	  "recipient", P, "" },
	{ "rcpt", 550, "5.4.1 Recipient address rejected: Access denied. [AM0EUR02FT001.eop-EUR02]",
	  "recipient", P, "" },
	{ "rcpt", 452, "4.3.1 Insufficient system resources (UsedDiskSpace[D:\\])", "system", R,
	  "" },
	{ "mail", 421, "4.3.2 Service not available", "busy", R, "" },
	{ "mail", 451, "4.7.500 Server busy. Please try again later from [192.0.2.7]. (AS77714450)",
	  "throttle", A, "throttle" },
	{ "dot", 552, "5.3.4 Message size exceeds fixed maximum message size", "content", M, "" },
	/* Zoho: smtp.zoho.eu, smtppro, ZeptoMail */
	{ "auth", 535, "Authentication Failed", "auth_failed", A, "counts" },
	{ "auth", 535, "5.7.8 Authentication failed : Password expired", "auth_failed", A,
	  "counts" },
	{ "rcpt", 553, "Relaying disallowed as sales@example.com", "sender_refused", A, "" },
	{ "mail", 553, "5.7.1 Relaying disallowed. Invalid Domain - example.com", "sender_refused",
	  A, "" },
	{ "mail", 552, "Relaying disallowed as <sales@example.com>.", "sender_refused", A, "" },
	{ "dot", 550, "5.4.6 Unusual sending activity detected. Please try after sometime.",
	  "quota_day", A, "limit" },
	{ "dot", 554,
	  "5.1.8 Email Outgoing Blocked. Your account has been blocked due to suspicious activity",
	  "account_blocked", A, "suspend" },
	{ "auth", 554, "5.1.8 Sender Address Blocked", "account_blocked", A, "suspend" },
	{ "rcpt", 550, "5.1.1 <nobody@example.net> User unknown", "recipient", P, "" },
	{ "dot", 552, "5.7.1 virus Win.Test.EICAR_HDB-1 detected by Zoho Mail", "content", M, "" },
	{ "mail", 452, "4.3.1 Temporary System Error", "system", R, "counts" },
	/* Amazon SES */
	{ "dot", 454, "Throttling failure: Maximum sending rate exceeded.", "throttle", A,
	  "throttle" },
	{ "mail", 454, "Throttling failure: Daily message quota exceeded.", "quota_day", A,
	  "limit" },
	{ "auth", 454, "Temporary authentication failure", "auth_temp", A, "counts" },
	{ "greeting", 421, "Too many concurrent SMTP connections", "throttle", A, "throttle" },
	{ "auth", 535, "Authentication Credentials Invalid", "auth_failed", A, "counts" },
	{ "mail", 530, "Authentication required", "auth_failed", A, "counts" },
	{ "dot", 554,
	  "Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: a@example.com",
	  "sender_refused", A, "" },
	{ "dot", 554, "Transaction failed: Expected disposition, got null", "message", M, "" },
	{ "dot", 552, "Message is too long.", "content", M, "" },
	{ "mail", 451, "Temporary service failure", "system", R, "counts" },
	/* Everybody else */
	{ "greeting", 554,
	  "5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org",
	  "connection", R, "counts" },
	{ "greeting", 450, "4.3.2 Please come back later", "busy", R, "" },
	{ "ehlo", 550, "5.7.1 Access denied", "connection", R, "counts" },
	{ "ehlo", 502, "5.5.1 Command not implemented", "connection", R, "counts" },
	{ "tls", 454, "4.7.0 TLS not available due to local problem", "connection", R, "counts" },
	{ "auth", 454, "4.3.0 Try again later", "auth_temp", A, "counts" },
	{ "auth", 500, "5.5.1 Unknown command", "login", A, "counts" },
	{ "rcpt", 421, "4.7.0 mail.example.net Error: too many errors", "too_fast", A, "throttle" },
	{ "dot", 421, "4.3.0 Shutting down", "closing", R, "counts" },
	{ "rcpt", 554, "5.7.1 <b@example.org>: Relay access denied", "sender_refused", A, "" },
	{ "rcpt", 550, "5.7.1 Unable to relay", "sender_refused", A, "" },
	{ "rcpt", 450, "4.7.1 <b@example.org>: Recipient address rejected: Greylisted", "greylist",
	  P, "" },
	{ "rcpt", 550, "5.3.0 <b@example.org>... No such user here", "recipient", P, "" },
	{ "rcpt", 451, "4.3.0 <b@example.org>: Temporary lookup failure", "recipient", P, "" },
	{ "rcpt", 550, "5.1.1 No such user", "recipient", P, "" },
	{ "mail", 451, "4.7.1 Try again later", "message", M, "" },
	{ "mail", 450, "4.1.8 <a@example.com>: Sender address rejected: Domain not found",
	  "sender_domain", M, "" },
	{ "mail", 552, "5.3.4 Message size exceeds fixed limit", "content", M, "" },
	{ "mail", 501, "5.1.7 Bad sender address syntax", "sender_domain", M, "" },
	{ "data", 451, "4.3.0 queue file write error", "system", R, "counts" },
	{ "data", 554, "5.5.1 no valid recipients", "message", M, "" },
	{ "dot", 554, "5.7.1 Message contains a virus", "content", M, "" },
	{ "dot", 451, "4.7.1 Greylisted", "greylist", M, "" },
	{ "dot", 554, "5.3.0 Error: transaction failed", "system", R, "" },
	/* SES, SendGrid, Mailgun, Postmark, Brevo, smtp2go, Zoho: the account */
	{ "dot", 554,
	  "Message rejected: Sending suspended for this account. For more information, please check the inbox of the email address "
	  "associated with your AWS account.",
	  "account_blocked", A, "suspend" },
	{ "dot", 554,
	  "Message rejected: Sending paused for this account. For more information, please check the inbox",
	  "account_blocked", A, "suspend" },
	{ "dot", 554,
	  "Access denied: User `arn:aws:iam::1:user/x' is not authorized to perform `ses:SendRawEmail' on resource",
	  "sender_refused", A, "" },
	{ "dot", 550,
	  "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.",
	  "sender_refused", A, "" },
	{ "mail", 550, "Unauthenticated senders not allowed", "auth_failed", A, "counts" },
	{ "auth", 451, "Authentication failed: Maximum credits exceeded", "quota_day", A, "limit" },
	{ "mail", 403, "You are not authorized to send from that email address", "sender_refused",
	  A, "" },
	{ "rcpt", 421,
	  "Domain sandbox1.mailgun.org is not allowed to send: Please activate your Mailgun account. Check your inbox or log in to your "
	  "control panel to resend the activation email.",
	  "account_blocked", A, "" },
	{ "dot", 550,
	  "5.7.1 Domain example.com is not allowed to send: The domain is unverified and requires DNS configuration.",
	  "sender_refused", A, "" },
	{ "rcpt", 421,
	  "Sandbox subdomains are for test purposes only. Please add your own domain or add the address to authorized recipients",
	  "account_blocked", A, "" },
	{ "dot", 550,
	  "5.7.1 Sender Signature not found. The 'From' address you supplied (a@example.com) is not a Sender Signature on your account.",
	  "sender_refused", A, "" },
	{ "dot", 550,
	  "5.7.1 While your account is pending approval, all recipient addresses must share the same domain as the 'From' address.",
	  "account_blocked", A, "" },
	{ "mail", 502,
	  "5.7.0 Your SMTP account is not yet activated. Please contact us at contact@brevo.com to request activation",
	  "account_blocked", A, "" },
	{ "auth", 525, "5.7.1 Unauthorized IP address", "login", A, "counts" },
	{ "mail", 550, "that IP address is not allowed to send", "block_list", A, "" },
	{ "dot", 550,
	  "From header sender domain not verified.\nOn your Settings > Sender Domains page\nverify the sender domain to be allowed to send.",
	  "sender_refused", A, "" },
	{ "dot", 550, "5.7.1 You have exceeded your daily sending limit", "quota_day", A, "limit" },
	{ "mail", 554, "5.7.1 Sending limit exceeded: 200 emails per day", "quota_day", A,
	  "limit" },
	{ "mail", 552, "Your outgoing limit was exceeded: 500 messages per day", "quota_day", A,
	  "limit" },
	{ "rcpt", 550,
	  "Domain example.com has exceeded the max emails per hour (100/100 (100%)) allowed. Message discarded.",
	  "quota_hour", A, "" },
	{ "rcpt", 550, "5.7.1 Unconfigured Sending Domain <example.com>", "sender_refused", A, "" },
	{ "mail", 553, "5.7.1 <a@example.com>: Sender address rejected: not owned by user crm",
	  "sender_refused", A, "" },
	{ "mail", 553, "5.7.1 <a@example.com>: Sender address rejected: not logged in",
	  "auth_failed", A, "counts" },
	{ "rcpt", 553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
	  "sender_refused", A, "" },
	{ "dot", 550, "5.7.0 From address is not one of your addresses.", "sender_refused", A, "" },
	{ "mail", 550, "Sender address is not allowed.", "sender_refused", A, "" },
	{ "dot", 551, "5.7.1 Not authorised to send from this header address", "sender_refused", A,
	  "" },
	{ "rcpt", 550, "5.7.0 Mail relay denied [192.0.2.7]. For more information - gsmtp",
	  "sender_refused", A, "" },
	/* Google as a receiver: a sender's domain, a rate */
	{ "dot", 421,
	  "4.7.40 Your email has been rate limited because the From: header domain doesn't have a DMARC record.",
	  "sender_domain", M, "" },
	{ "dot", 421,
	  "4.7.26 Your email has been rate limited because it is unauthenticated. Gmail requires all senders to authenticate with SPF or DKIM.",
	  "sender_domain", M, "" },
	{ "dot", 421,
	  "4.7.28 Gmail has detected an unusual rate of unsolicited mail. To protect our users from spam, mail has been temporarily\nrate "
	  "limited. - gsmtp",
	  "throttle", A, "throttle" },
	{ "dot", 421,
	  "4.7.30 Your email has been rate limited because DKIM authentication didn't pass for this message.",
	  "sender_domain", M, "" },
	{ "dot", 550,
	  "5.7.30 Your email has been blocked because DKIM authentication didn't pass for this message.",
	  "sender_domain", M, "" },
	{ "dot", 421,
	  "5.7.32 Your email has been rate limited because the From: header isn't aligned with the SPF or DKIM domain.",
	  "sender_domain", M, "" },
	{ "dot", 550,
	  "5.7.27 Your email has been blocked because SPF didn't pass for this message.",
	  "sender_domain", M, "" },
	{ "dot", 550, "5.7.25 The IP address sending this message does not have a PTR record setup",
	  "our_host", A, "" },
	{ "dot", 421,
	  "4.7.0 This message does not pass authentication checks (SPF and DKIM both do not pass).",
	  "sender_domain", M, "" },
	{ "dot", 550,
	  "5.7.1 This message is not RFC 5322 compliant. There are multiple Subject headers.",
	  "content", M, "" },
	{ "rcpt", 451,
	  "4.3.0 Multiple destination domains per transaction is unsupported. Please try again.",
	  "recipient", P, "" },
	{ "rcpt", 550, "5.2.1 The email account that you tried to reach is disabled.", "recipient",
	  P, "" },
	{ "dot", 554, "5.6.0 Mail message is malformed. Not accepted.", "content", M, "" },
	/* Yahoo */
	{ "mail", 421,
	  "4.7.0 [TSS04] Messages from 192.0.2.7 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1",
	  "throttle", A, "throttle" },
	{ "greeting", 553,
	  "5.7.1 [BL21] Connections will not be accepted from 192.0.2.7, because the ip is in Spamhaus's list",
	  "connection", R, "counts" },
	{ "mail", 553,
	  "5.7.1 [BL21] Connections will not be accepted from 192.0.2.7, because the ip is in Spamhaus's list",
	  "block_list", A, "" },
	{ "dot", 554,
	  "delivery error: dd This user doesn't have a yahoo.com account (b@yahoo.com) [0] - mta1.mail",
	  "recipient", P, "" },
	{ "dot", 554,
	  "5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes",
	  "content", M, "" },
	{ "dot", 451, "Resources temporarily unavailable. Please try again later [#4.16.5].",
	  "busy", R, "" },
	/* Microsoft as a receiver */
	{ "mail", 451,
	  "4.7.650 The mail server [192.0.2.7] has been temporarily rate limited due to IP reputation.",
	  "throttle", A, "throttle" },
	{ "dot", 550,
	  "5.7.515 Access denied, sending domain example.com does not meet the required authentication level.",
	  "sender_domain", M, "" },
	{ "rcpt", 550,
	  "5.7.606 Access denied, banned sending IP [192.0.2.7]. To request removal from this list",
	  "block_list", A, "" },
	{ "mail", 550,
	  "5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. Please contact your Internet service provider since part of their "
	  "network is on our block list (S3140).",
	  "block_list", A, "" },
	{ "rcpt", 451,
	  "4.7.0 Temporary server error. Please try again later. PRX2 [AM0EUR02FT001.eop-EUR02]",
	  "busy", R, "" },
	{ "rcpt", 550, "5.5.0 Requested action not taken: mailbox unavailable (S2017062302).",
	  "recipient", P, "" },
	{ "dot", 550,
	  "5.7.509 Access denied, sending domain example.com does not pass DMARC verification",
	  "sender_domain", M, "" },
	{ "rcpt", 550,
	  "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required",
	  "recipient", P, "" },
	{ "dot", 550,
	  "5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy",
	  "message", M, "" },
	/* GMX, web.de, T-Online, Apple, Proofpoint, Mimecast, Barracuda, Cisco */
	{ "greeting", 554,
	  "IP address is block listed. For explanation visit https://www.gmx.net/mail/senderguidelines?c=bl",
	  "connection", R, "counts" },
	{ "mail", 550,
	  "Requested action not taken: mailbox unavailable invalid DNS MX or A/AAAA resource record",
	  "sender_domain", M, "" },
	{ "greeting", 554,
	  "IP=192.0.2.7 - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.t-online.de to clarify.) (BL)",
	  "connection", R, "counts" },
	{ "dot", 554,
	  "5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137",
	  "content", M, "" },
	{ "rcpt", 554, "Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.7", "block_list",
	  A, "" },
	{ "rcpt", 550,
	  "csi.mimecast.org Poor Reputation Sender. - https://community.mimecast.com/docs/DOC-1369#550",
	  "block_list", A, "" },
	{ "rcpt", 451,
	  "Internal resources are temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451",
	  "recipient", P, "" },
	{ "rcpt", 554,
	  "Service unavailable; Client host [192.0.2.7] blocked using Barracuda Reputation; http://www.barracudanetworks.com/reputation/",
	  "block_list", A, "" },
	{ "rcpt", 452, "Too many recipients received this hour", "quota_hour", A, "" },
	{ "greeting", 421, "#4.4.5 Too many connections to this listener.", "throttle", A,
	  "throttle" },
	{ "rcpt", 550, "#5.1.0 Address rejected.", "recipient", P, "" },
	/* Postfix, Exim, qmail, Sendmail */
	{ "greeting", 421, "4.7.0 mail.example.net Error: too many connections from 192.0.2.7",
	  "throttle", A, "throttle" },
	{ "mail", 450, "4.7.1 Error: too much mail from 192.0.2.7", "throttle", A, "throttle" },
	{ "rcpt", 450, "4.7.25 Client host rejected: cannot find your hostname, [192.0.2.7]",
	  "our_host", A, "" },
	{ "rcpt", 554,
	  "5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org",
	  "block_list", A, "" },
	{ "rcpt", 450,
	  "4.1.1 <b@example.org>: Recipient address rejected: unverified address: host mx.example.org[192.0.2.9] said: 550 5.1.8 Outbound mail "
	  "blocked",
	  "recipient", P, "" },
	{ "mail", 451, "Greylisted, please try again in 300 seconds", "greylist", M, "" },
	{ "mail", 451, "4.7.1 Greylisting in action, please come back later", "greylist", M, "" },
	{ "mail", 451, "4.1.8 Domain of sender address a@example.com does not resolve",
	  "sender_domain", M, "" },
	{ "mail", 451, "sender domain example.com could not be resolved", "sender_domain", M, "" },
	{ "mail", 553,
	  "5.1.8 <a@example.com>... Domain of sender address a@example.com does not exist",
	  "sender_domain", M, "" },
	{ "rcpt", 550, "Sender verify failed", "sender_domain", M, "" },
	{ "rcpt", 450, "4.1.2 <b@example.org>: Recipient address rejected: Domain not found",
	  "recipient", P, "" },
	{ "rcpt", 451, "Temporary local problem - please try later", "recipient", P, "" },
	{ "mail", 451, "Temporary local problem - please try later", "system", R, "counts" },
	{ "mail", 452, "space shortage, please try later", "system", R, "counts" },
	{ "dot", 451, "4.7.1 Service unavailable - try again later", "message", M, "" },
	{ "dot", 451, "4.3.0 Error: queue file write error", "system", R, "counts" },
	{ "dot", 451, "qq temporary problem (#4.3.0)", "system", R, "" },
	{ "rcpt", 550, "relay not permitted", "sender_refused", A, "" },
	{ "dot", 554, "5.4.0 Error: too many hops", "content", M, "" },
	{ "rcpt", 452, "4.5.3 Error: too many recipients", "recipient", P, "" },
	{ "greeting", 421, "4.3.2 All server ports are busy", "busy", R, "" },
	{ "mail", 421, "Service not available, closing transmission channel", "closing", R,
	  "counts" },
	{ "rcpt", 421, "4.4.2 mx.example.net Error: timeout exceeded", "closing", R, "counts" },
	/* What a message itself puts into a reply is no word of the next hop */
	{ "rcpt", 550, "5.1.8 <\"outbound blocked\"@example.org>: user unknown", "recipient", P,
	  "" },
	{ "rcpt", 550, "5.7.0 <\"mail sending denied\"@gmail.com>: not here", "recipient", P, "" },
	{ "rcpt", 552, "5.2.2 <\"submission quota\"@gmail.com> mailbox full", "recipient", P, "" },
	{ "dot", 554, "5.7.0 rejected: \"Sending suspended for this account\"", "message", M, "" },
#undef R
#undef A
#undef P
#undef M
};

static struct testkit *kit;
static struct gw_relay *relay;
static struct gw_delivery *delivery;

static int begin(void **state)
{
	kit = testkit_create(gw_module_v1);
	testkit_fragment(kit, TEST_FOLDER "/../../../conf.d/65-failover.conf");
	relay = testkit_relay(kit, "main");
	testkit_relay_option(relay, "failures", "1");
	testkit_relay_fact(relay, GW_RELAY_CONNECTIONS, "10");
	assert_int_equal(testkit_start(kit), 0);
	delivery = testkit_delivery(
		testkit_message(kit, NULL, "a@example.com", "Subject: x\r\n\r\n"), relay);
	return 0;
}

static int end(void **state)
{
	testkit_destroy(kit);
	return 0;
}

/* As the SMTP client has it: the status is taken off the text where its numbers are small. */
static struct gw_result result_of(const struct row *row, struct gw_outcome *outcome)
{
	struct gw_result result = { .size = sizeof result,
				    .relay = gw_str("main"),
				    .stage = gw_str(row->stage),
				    .fault = GW_FAULT_MESSAGE,
				    .outcome = outcome };
	unsigned a, b, c;
	int taken = 0;

	*outcome = (struct gw_outcome){ .size = sizeof *outcome,
					.code = row->code,
					.text = gw_str(row->text) };
	outcome->status = row->code >= 500 ? GW_BOUNCED : GW_DEFERRED;
	if (sscanf(row->text, "%u.%u.%u %n", &a, &b, &c, &taken) == 3 && taken && c < 256) {
		outcome->enhanced[0] = (uint8_t)a;
		outcome->enhanced[1] = (uint8_t)b;
		outcome->enhanced[2] = (uint8_t)c;
		outcome->text = gw_str(row->text + taken);
	}
	return result;
}

/* What happened to the relay, which may fail only once. */
static const char *what_it_does(void)
{
	const struct gw_closure *closure = testkit_closed(relay);

	if (testkit_pace(relay))
		return "throttle";
	if (!closure)
		return "";
	if (closure->cause == GW_CAUSE_LIMIT)
		return "limit";
	return strstr(closure->why.ptr, "account_blocked") ||
			       strstr(closure->why.ptr, "1 failure today")
		       ? "counts"
		       : "?";
}

static void real_replies_are_understood(void **state)
{
	size_t wrong = 0, i;
	char class[40];

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_outcome outcome;
		struct gw_result result = result_of(&rows[i], &outcome);
		const char *does = strcmp(rows[i].does, "suspend") == 0 ? "counts" : rows[i].does;
		struct gw_event resumed = { .size = sizeof resumed,
					    .name = gw_str("relay-resumed"),
					    .relay = gw_str("main") };

		testkit_advance(kit, 1000);
		result.began = 1767225600000 + ((int64_t)i + 1) * 1000;
		testkit_run_result(kit, delivery, &result);
		snprintf(class, sizeof class, "%s: ", rows[i].class);
		if (!testkit_has(kit, TESTKIT_REASON, class) ||
		    testkit_fault(kit) != rows[i].fault || strcmp(what_it_does(), does) != 0)
			wrong +=
				(size_t)printf(
					"%s: %d %s: expected %s, fault %d, %s; got %s, fault %d, %s\n",
					rows[i].stage, rows[i].code, rows[i].text, rows[i].class,
					rows[i].fault, rows[i].does,
					testkit_line(kit, TESTKIT_REASON, 0), testkit_fault(kit),
					what_it_does()) > 0;
		testkit_run_event(kit, &resumed);
		testkit_forget(kit);
	}
	assert_int_equal(wrong, 0);
}

/* gatewayctl says the same of them. */
static void classify_tells_the_row(void **state)
{
	char words[600], expected[100];
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(words, sizeof words, "classify %d %s %s", rows[i].code, rows[i].text,
			 rows[i].stage);
		testkit_run_control(kit, words, false);
		snprintf(expected, sizeof expected, "\"rows\":[{\"class\":\"%s\"", rows[i].class);
		if (!testkit_has(kit, TESTKIT_REPLY, expected))
			fail_msg("%s: got %s", words, testkit_line(kit, TESTKIT_REPLY, 0));
		testkit_forget(kit);
	}
	testkit_run_control(kit, "classify 535 5.7.8 wrong auth", false);
	assert_true(testkit_has(
		kit, TESTKIT_REPLY,
		"{\"class\":\"auth_failed\",\"fault\":\"account\",\"counts\":true,\"action\":\"none\","
		"\"row\":\"replies["));
	assert_true(testkit_has(
		kit, TESTKIT_REPLY,
		"\"hint\":\"User or password is wrong; with two-factor login an app password is needed.\"}]}"));
}

static void classify_wants_a_code_and_a_text(void **state)
{
	static const struct {
		const char *words, *problem;
	} wrong[] = {
		{ "classify", "failover knows: classify CODE TEXT [STAGE]" },
		{ "classify 535", "failover knows: classify CODE TEXT [STAGE]" },
		{ "judge 535 text", "failover knows: classify CODE TEXT [STAGE]" },
		{ "classify text 535", "\"text\" is no reply code" },
		{ "classify 600 text", "\"600\" is no reply code" },
	};
	size_t i;

	for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		testkit_run_control(kit, wrong[i].words, false);
		assert_true(testkit_has(kit, TESTKIT_PROBLEM, wrong[i].problem));
		testkit_forget(kit);
	}
}

/* Without a reply the gateway's own view stands. */
static void silence_is_judged_by_the_gateway(void **state)
{
	static const struct {
		const char *stage;
		enum gw_fault fault;
		const char *class;
	} silent[] = {
		{ "resolve", GW_FAULT_RELAY, "connection" },
		{ "connect", GW_FAULT_RELAY, "connection" },
		{ "tls", GW_FAULT_RELAY, "connection" },
		{ "auth", GW_FAULT_ACCOUNT, "login" },
		{ "data", GW_FAULT_RELAY, "connection" },
		{ "mail", GW_FAULT_MESSAGE, "message" },
		{ "rcpt", GW_FAULT_RECIPIENT, "recipient" },
	};
	size_t i;

	for (i = 0; i < sizeof silent / sizeof *silent; i++) {
		const struct gw_outcome outcome_of_result = { .size = sizeof outcome_of_result,
							      .status = GW_DEFERRED,
							      .text = gw_str("535 5.7.8") };
		struct gw_result result = { .size = sizeof result,
					    .relay = gw_str("main"),
					    .stage = gw_str(silent[i].stage),
					    .fault = silent[i].fault,
					    .outcome = &outcome_of_result };
		testkit_run_result(kit, delivery, &result);
		assert_int_equal(testkit_fault(kit), silent[i].fault);
		assert_true(testkit_has(kit, TESTKIT_REASON, silent[i].class));
		testkit_forget(kit);
	}
}

/* --- the table itself --- */

static void a_bad_row_is_refused(void **state)
{
	static const struct {
		const char *key, *text, *problem;
	} wrong[] = {
		{ "replies[0].stages", "auth login",
		  "replies[0].stages: \"login\" in stages is no stage" },
		{ "replies[0].codes", "5xx",
		  "replies[0].codes: \"5xx\" in codes is no reply code" },
		{ "replies[0].codes", "53", "replies[0].codes: \"53\" in codes is no reply code" },
		{ "replies[0].codes", "5355",
		  "replies[0].codes: \"5355\" in codes is no reply code" },
		{ "replies[0].status", "5",
		  "replies[0].status: \"5\" in status is no enhanced code" },
		{ "replies[0].status", "7.7.1",
		  "replies[0].status: \"7.7.1\" in status is no enhanced code" },
		{ "replies[0].words", "good \"\"", "replies[0].words: \"\" in words is no word" },
		{ "replies[0].fault", "nobody", "replies[0].fault" },
		{ "replies[0].action", "explode", "replies[0].action" },
	};
	size_t i;

	for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct testkit *other = testkit_create(gw_module_v1);

		testkit_option(other, "replies[0].class", "x");
		testkit_option(other, "replies[0].fault", "relay");
		testkit_option(other, wrong[i].key, wrong[i].text);
		assert_int_equal(testkit_start(other), -1);
		if (!testkit_has(other, TESTKIT_PROBLEM, wrong[i].problem))
			fail_msg("expected %s, got %s", wrong[i].problem,
				 testkit_line(other, TESTKIT_PROBLEM, 0));
		testkit_destroy(other);
	}
}

/* What is done with the relay is done to everybody's mail. */
static void an_action_needs_both_codes(void **state)
{
	static const struct {
		const char *codes, *status;
		int start;
	} rows_of[] = {
		{ "550", "5.4.5", 0 }, { "550", "none", 0 }, { "550", "", -1 },
		{ "", "5.4.5", -1 },   { "", "", -1 },
	};
	static const char *const actions[] = { "throttle", "limit", "suspend" };
	size_t i;

	for (i = 0; i < 15; i++) {
		struct testkit *other = testkit_create(gw_module_v1);

		testkit_option(other, "replies[0].class", "x");
		testkit_option(other, "replies[0].fault", "account");
		testkit_option(other, "replies[0].words", "\"x y\"");
		testkit_option(other, "replies[0].codes", rows_of[i / 3].codes);
		testkit_option(other, "replies[0].status", rows_of[i / 3].status);
		testkit_option(other, "replies[0].action", actions[i % 3]);
		assert_int_equal(testkit_start(other), rows_of[i / 3].start);
		if (rows_of[i / 3].start)
			assert_true(testkit_has(
				other, TESTKIT_PROBLEM,
				"replies[0].action: a row with an action needs codes and status"));
		testkit_destroy(other);
	}
}

/* --- what the message itself put there --- */

/* Next hops that echo parts of it, in the shapes in which they do. */
static void a_message_chooses_no_words(void **state)
{
	static const struct row echoes[] = {
		{ "rcpt", 550, "5.7.0 outbound mail sending denied is unknown", "recipient",
		  GW_FAULT_RECIPIENT, "" },
		{ "rcpt", 550, "5.7.0 <\"outbound mail sending denied\"@example.net> is unknown",
		  "recipient", GW_FAULT_RECIPIENT, "" },
		{ "rcpt", 450, "4.7.1 mail.sending.denied@example.org: sorry", "recipient",
		  GW_FAULT_RECIPIENT, "" },
		{ "mail", 454, "4.7.0 sender maximum sending rate today is odd", "message",
		  GW_FAULT_MESSAGE, "" },
		{ "dot", 554, "Rejected by filter: Sending suspended for this account", "message",
		  GW_FAULT_MESSAGE, "" },
		{ "dot", 554, "Rejected by filter: sending\nsuspended for this account", "message",
		  GW_FAULT_MESSAGE, "" },
		{ "dot", 554,
		  "Bad id x.daily.message.quota@sending-paused-for-this-account.example", "message",
		  GW_FAULT_MESSAGE, "" },
		{ "dot", 554, "5.7.1 file 'account suspended.exe' not wanted", "message",
		  GW_FAULT_MESSAGE, "" },
		{ "rcpt", 550,
		  "5.7.1 host mx.evil.example said: 554 Sending suspended for this account",
		  "recipient", GW_FAULT_RECIPIENT, "" },
	};
	struct gw_message *message = testkit_message(
		kit, NULL, "\"sender maximum sending rate\"@example.com",
		"Subject: Sending suspended for\r\n this account\r\nMessage-ID: "
		"<x.daily.message.quota@sending-paused-for-this-account.example>\r\n\r\n");
	struct gw_delivery *sent;
	char class[40];
	size_t i;

	testkit_rcpt(message, "\"outbound mail sending denied\"@example.net");
	testkit_rcpt(message, "mail.sending.denied@example.org");
	sent = testkit_delivery(message, relay);
	for (i = 0; i < sizeof echoes / sizeof *echoes; i++) {
		struct gw_outcome outcome;
		struct gw_result result = result_of(&echoes[i], &outcome);

		snprintf(class, sizeof class, "%s: ", echoes[i].class);
		testkit_run_result(kit, sent, &result);
		if (!testkit_has(kit, TESTKIT_REASON, class) ||
		    testkit_fault(kit) != echoes[i].fault ||
		    strcmp(what_it_does(), echoes[i].does) != 0)
			fail_msg("%s: got %s, %s", echoes[i].text,
				 testkit_line(kit, TESTKIT_REASON, 0), what_it_does());
		testkit_forget(kit);
	}
}

static void the_first_row_wins_and_a_new_table_is_taken_at_once(void **state)
{
	struct testkit *other = testkit_create(gw_module_v1);

	testkit_option(other, "replies[0].class", "first");
	testkit_option(other, "replies[0].words", "\"over there\"");
	testkit_option(other, "replies[0].fault", "message");
	testkit_option(other, "replies[1].class", "second");
	testkit_option(other, "replies[1].codes", "55*");
	testkit_option(other, "replies[1].stages", "rcpt data");
	testkit_option(other, "replies[1].fault", "account");
	assert_int_equal(testkit_start(other), 0);
	testkit_run_control(other, "classify 550 OVER THERE rcpt", false);
	testkit_run_control(other, "classify 551 here data", false);
	testkit_run_control(other, "classify 551 here dot", false);
	assert_non_null(
		strstr(testkit_line(other, TESTKIT_REPLY, 0), "\"first\",\"fault\":\"message\""));
	assert_non_null(
		strstr(testkit_line(other, TESTKIT_REPLY, 1), "\"second\",\"fault\":\"account\""));
	assert_non_null(strstr(
		testkit_line(other, TESTKIT_REPLY, 2),
		"\"message\",\"fault\":\"message\",\"counts\":false,\"action\":\"none\",\"row\":\"built in\""));
	testkit_stop(other);
	testkit_option(other, "replies[0].class", "other");
	assert_int_equal(testkit_start(other), 0);
	testkit_run_control(other, "classify 550 over there rcpt", false);
	assert_non_null(strstr(testkit_line(other, TESTKIT_REPLY, 3), "\"other\""));
	testkit_destroy(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(real_replies_are_understood, begin, end),
		cmocka_unit_test_setup_teardown(classify_tells_the_row, begin, end),
		cmocka_unit_test_setup_teardown(classify_wants_a_code_and_a_text, begin, end),
		cmocka_unit_test_setup_teardown(silence_is_judged_by_the_gateway, begin, end),
		cmocka_unit_test(a_bad_row_is_refused),
		cmocka_unit_test(an_action_needs_both_codes),
		cmocka_unit_test_setup_teardown(a_message_chooses_no_words, begin, end),
		cmocka_unit_test(the_first_row_wins_and_a_new_table_is_taken_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
