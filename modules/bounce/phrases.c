#include "phrases.h"

#include <stddef.h>

/* clang-format off */
const char *const phrases_fails[] = {
	/* de */ "nicht zugestellt", "unzustellbar", "nicht übermittelt", "fehler bei der nachrichtenzustellung",
	"zustellung fehlgeschlagen", "zustellfehler", "konnte nicht ausgeliefert",
	/* fr */ "chec de la remise", "pas pu être remis", "n'a pu être remis", "pas pu être délivré", "impossible de remettre",
	"pas pu être distribué", "pas été remis", "non délivré", "non remis", "n'a pas été délivré",
	/* es */ "no se pudo realizar la entrega", "no se pudo entregar", "no se ha podido entregar", "no ha podido ser entregado",
	"no pudo ser entregado", "error de entrega", "no fue entregado", "no se puede entregar",
	/* it */ "recapito non riuscito", "non è stato recapitato", "impossibile recapitare", "impossibile consegnare",
	"mancato recapito", "mancata consegna", "consegna non riuscita", "può essere consegnato", "non consegnato",
	/* nl */ "is mislukt", "niet worden afgeleverd", "niet worden bezorgd", "onbestelbaar", "niet afgeleverd", "niet bezorgd",
	/* pt */ "falha na entrega", "não pôde ser entregue", "não foi possível entregar", "não entregue", "não foi entregue",
	"falha de entrega",
	/* pl */ "nie powiodło się dostarczenie", "nie można dostarczyć", "nie została dostarczona", "niedostarczon",
	/* sv, da, no, fi */ "inte levereras", "inte leverera", "kunne ikke leveres", "kan ikke leveres", "ikke leveret", "ikke levert",
	"levering mislykkedes", "leveringen mislyktes", "epäonnistui", "voitu toimittaa", "voida toimittaa",
	/* cs, sk, hu, ro, tr */ "nepodařilo doručit", "nebylo možné doručit", "nedoručen", "nepodarilo doručiť", "nelze doručit", "se nezdařilo", "nedoručitel", "nem kézbesíthető", "kézbesítése sikertelen",
	"nu a putut fi livrat", "teslim edilemedi", "iletilemedi",
	/* ru, uk */ "не может быть доставлен", "не может быть отправлено", "не доставлен", "недоставлен", "не удалось доставить",
	"не было доставлено", "не удается доставить", "не вдалося доставити", "не доставлено", "не удалось выполнить доставку", "не удается выполнить доставку",
	/* hr, sr, sl, bg, lt, et */ "nije isporučen", "nije mogla biti isporučena", "ni bilo mogoče dostaviti", "не може да бъде доставено", "nepavyko pristatyti", "ei õnnestunud edastada",
	/* he, ar, fa, th, vi, id */ "לא ניתן למסור", "לא נמסרה", "تعذر تسليم", "تعذر التسليم", "تعذّر تسليم", "لم يتم تسليم", "تحویل داده نشد", "ไม่สามารถส่ง", "ไม่สามารถจัดส่ง",
	"không thể gửi", "không gửi được", "không thể chuyển", "tidak dapat dikirim", "gagal dikirim", "tidak terkirim",
	/* el */ "ήταν δυνατό να παραδοθεί", "δεν μπόρεσε να παραδοθεί", "αποτυχία παράδοσης", "Αποτυχία παράδοσης", "δεν ήταν δυνατή η παράδοση", "δεν παραδόθηκε",
	/* ja */ "配信できません", "配信不能", "配信に失敗", "送信できませんでした", "お届けできません", "届けることができません", "配達できません",
	/* zh */ "无法送达", "被退回", "退信", "无法投递", "投递失败", "发送失败", "無法傳遞", "無法傳送", "無法送達", "傳送失敗", "無法投遞", "未能送达", "无法发送", "未能送達",
	/* ko */ "배달되지", "배달할 수 없", "전송 실패", "전달할 수 없", "전달되지",
	NULL
};

const char *const phrases_failing_subject[] = {
	/* de */ "unzustellbar", "nicht zustellbar", "nicht zugestellt", "zustellfehler", "zustellung fehlgeschlagen",
	/* fr */ "non remis", "non délivr", "chec de la remise", "chec de distribution", "courrier retourné",
	/* es */ "no se puede entregar", "no entregado", "error de entrega", "correo devuelto", "no se pudo entregar",
	/* it */ "non recapitabile", "mancato recapito", "mancata consegna", "impossibile recapitare",
	/* nl */ "onbestelbaar", "niet afgeleverd", "niet bezorgd",
	/* pt */ "não é possível entregar", "não entregue", "falha na entrega", "não foi possível entregar",
	/* pl */ "niedostarczon", "nie można dostarczyć",
	/* sv, da, no, fi */ "inte levereras", "olevererbar", "ej levererbar", "kan ikke leveres", "ikke leveret", "ikke levert",
	"voida toimittaa", "ei toimitettu",
	/* cs, hu, ro, tr */ "nedoručitel", "nem kézbesíthető", "nelivrabil", "teslim edilemedi", "iletilemedi",
	/* ru, uk */ "не удается доставить", "недоставлен", "не доставлен", "Не доставлен", "Недоставлен",
	/* ja, zh, ko */ "配信不能", "配信できません", "配信エラー", "退信", "无法送达", "無法傳遞", "未传递", "未傳遞", "배달되지", "전송 실패",
	/* en, from filters */ "you sent blocked by", "message rejected", "rejected mail", "message status - undeliver",
	NULL
};

const char *const phrases_delay[] = {
	"verzögert sich", "wurde verzögert", "noch nicht zugestellt", "a été retardé", "est retardé", "pas encore été remis",
	"se ha retrasado", "aún no se ha entregado", "è stato ritardato", "non è stato ancora recapitato", "is vertraagd",
	"nog niet bezorgd", "ainda não foi entregue", "foi adiada", "zostało opóźnione", "задержан", "ещё не доставлено",
	"遅延しています", "已延迟",
	NULL
};

const char *const phrases_answer[] = {
	/* de */ "automatische antwort", "abwesenheit", "abwesend", "automatische abwesenheit", "autom. antwort", "ich bin nicht im",
	/* fr */ "réponse automatique", "réponse autom", "absence du", "absence", "absent", "absente", "message d'absence",
	/* es */ "respuesta autom", "fuera de la oficina", "fuera de oficina", "ausencia", "ausente",
	/* it */ "risposta autom", "fuori ufficio", "fuori sede", "assenza", "assente",
	/* nl */ "automatisch antwoord", "afwezig", "niet aanwezig",
	/* pt */ "resposta autom", "fora do escrit", "ausência",
	/* pl */ "automatyczna odpowied", "odpowiedź automatyczna", "poza biurem", "nieobecno",
	/* sv, da, no, fi */ "autosvar", "automatiskt svar", "automatisk svar", "frånvaro", "fravær", "ikke til stede", "ej på plats",
	"automaattinen vastaus", "poissa",
	/* cs, sk, hu, ro, tr, el */ "automatická odpov", "mimo kancel", "automatikus válasz", "házon kívül", "răspuns automat",
	"otomatik yanıt", "ofis dışında", "αυτόματη απάντηση", "Αυτόματη απάντηση",
	/* ru, uk: both cases */ "автоответ", "Автоответ", "автоматический ответ", "Автоматический ответ", "автоматическая", "Автоматическая",
	"Нет на месте", "Автовідповідь", "Автоматична відповідь",
	/* ja, zh, ko */ "自動応答", "自動返信", "不在", "自动回复", "自动答复", "自動回覆", "자동 회신", "자동 응답", "부재중",
	/* he, ar */ "מענה אוטומטי", "תשובה אוטומטית", "رد تلقائي",
	/* en */ "out of office", "out-of-office", "out of the office", "automatic reply", "automated reply", "auto reply", "auto-reply", "autoreply",
	"auto:", "vacation", "on vacation", "on leave", "annual leave", "maternity leave", "auto response", "autoresponse",
	"automatic response", "i am out of the office", "away from", "ooo:", "holiday:",
	NULL
};
/* clang-format on */
