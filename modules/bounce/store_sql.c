/* store_sql.c - the tables, and what is asked of them again and again. */
#include "store_private.h"

#define COLUMN(name) "," #name " TEXT"
#define NAME(name) "," #name
#define MARK(name) ",?"

/* clang-format off */
const char store_schema[] =
	"CREATE TABLE IF NOT EXISTS sent(id INTEGER,until INTEGER,received INTEGER,size INTEGER,"
	"queue_id TEXT,sender TEXT,author TEXT,message_id TEXT,envelope_id TEXT,client TEXT,type TEXT,"
	"relay TEXT,header TEXT,rcpts TEXT,rcpt_count INTEGER,named INTEGER,nth INTEGER,PRIMARY KEY(id,nth));"
	"CREATE INDEX IF NOT EXISTS sent_named ON sent(message_id) WHERE named=1;"
	"CREATE INDEX IF NOT EXISTS sent_until ON sent(until);"
	"CREATE TABLE IF NOT EXISTS bounce(number INTEGER PRIMARY KEY AUTOINCREMENT,time INTEGER,"
	"received INTEGER,size INTEGER,id INTEGER,code INTEGER,attempt INTEGER,infrastructure INTEGER,"
	"seen INTEGER,suppressed INTEGER,owed INTEGER,report INTEGER,nth INTEGER" ROW_TEXTS(COLUMN) ");"
	"CREATE UNIQUE INDEX IF NOT EXISTS bounce_once ON bounce(id,nth,recipient COLLATE NOCASE,event);"
	"CREATE INDEX IF NOT EXISTS bounce_time ON bounce(time);"
	"CREATE INDEX IF NOT EXISTS bounce_recipient ON bounce(recipient COLLATE NOCASE);"
	"CREATE INDEX IF NOT EXISTS bounce_message_id ON bounce(message_id);"
	"CREATE INDEX IF NOT EXISTS bounce_queue_id ON bounce(queue_id);"
	"CREATE INDEX IF NOT EXISTS bounce_unread ON bounce(number) WHERE infrastructure=1 AND seen=0;"
	"CREATE INDEX IF NOT EXISTS bounce_owed ON bounce(number) WHERE owed=1;"
	/* number: of the first bounce that it tells of */
	"CREATE TABLE IF NOT EXISTS report(number INTEGER PRIMARY KEY,id INTEGER,nth INTEGER,bytes BLOB);"
	"CREATE INDEX IF NOT EXISTS report_id ON report(id,nth);"
	"CREATE TABLE IF NOT EXISTS tally(day INTEGER,client TEXT,type TEXT,relay TEXT,domain TEXT,"
	"kind TEXT,reason TEXT,count INTEGER,"
	"PRIMARY KEY(day,client,type,relay,domain,kind,reason)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS suppression(number INTEGER PRIMARY KEY AUTOINCREMENT,"
	"address TEXT COLLATE NOCASE,client TEXT,type TEXT,reason TEXT,since INTEGER,"
	"until INTEGER,by TEXT,bounce INTEGER,UNIQUE(address,client,type));"
	"CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY,value) WITHOUT ROWID;";

const char store_anew[] = "DROP TABLE IF EXISTS bounce;DROP TABLE IF EXISTS sent;"
				"DROP TABLE IF EXISTS report;DROP TABLE IF EXISTS tally;";

const char store_skip_numbers[] =
	"UPDATE sqlite_sequence SET seq=seq+65536 WHERE name='bounce' AND "
	"(SELECT value FROM meta WHERE name='boot') IS NOT ?1";
const char store_note_boot[] = "INSERT OR REPLACE INTO meta VALUES('boot',?1)";

const char *const store_queries[STORE_QUERIES] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[ADD_SENT] =
		"INSERT OR REPLACE INTO sent VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)",
	[ADD_BOUNCE] =
		"INSERT OR IGNORE INTO bounce(time,received,size,id,code,attempt,infrastructure,seen,"
		"suppressed,owed,report,nth" ROW_TEXTS(NAME) ") "
		"SELECT ?1,?2,?3,?4,?5,?6,?7,0,?8,?9,?10,?11" ROW_TEXTS(MARK)
		/* what is ours has no bound, and is not counted */
		" WHERE :most IS NULL OR (SELECT count(*) FROM bounce WHERE id=?4 AND nth=?11)<:most",
	[ADD_REPORT] =
		"INSERT INTO report SELECT ?1,?2,?5,?3 WHERE "
		"(SELECT total(length(bytes)) FROM report WHERE id=?2 AND nth=?5)<?4",
	[ADD_TALLY] =
		"INSERT INTO tally VALUES(?1,?2,?3,?4,?5,?6,?7,1) ON CONFLICT DO UPDATE SET count=count+1",
	/* what an admin said stays as it was said */
	[ADD_LEARNED] =
		"INSERT INTO suppression(address,client,type,reason,since,until,by,bounce) "
		"VALUES(?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(address,client,type) DO UPDATE SET "
		"reason=excluded.reason,since=excluded.since,until=excluded.until,by=excluded.by,"
		"bounce=excluded.bounce WHERE until<>0 AND until<=excluded.since",
	[PAY] = "UPDATE bounce SET owed=0 WHERE id=?1 AND nth=?2 AND time=?3 AND owed=1",
	[FORGET_SENT] =
		"DELETE FROM sent WHERE rowid IN (SELECT rowid FROM sent WHERE until<?1 LIMIT ?2)",
	[FORGET_BOUNCES] =
		"DELETE FROM bounce WHERE number IN (SELECT number FROM bounce WHERE time<?1 LIMIT ?2)",
	[FORGET_REPORTS] =
		"DELETE FROM report WHERE number IN (SELECT number FROM report WHERE number<"
		"(SELECT coalesce(min(number),?1) FROM bounce) LIMIT ?2)",
	[FORGET_TALLIES] = "DELETE FROM tally WHERE day<?1 AND ?2",
	[FORGET_SUPPRESSIONS] =
		"DELETE FROM suppression WHERE number IN "
		"(SELECT number FROM suppression WHERE until<>0 AND until<?1 LIMIT ?2)",
};
/* clang-format on */
