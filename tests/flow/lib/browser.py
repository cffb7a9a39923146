"""A person with a web browser, as far as logging in wants one: pages with forms, cookies, and where the browser is sent at the end."""
import http.cookiejar
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request


class Elsewhere(Exception):
    def __init__(self, url):
        super().__init__(url)
        self.url = url


class Redirects(urllib.request.HTTPRedirectHandler):
    """Followed within the server; an address elsewhere is where the login ends."""

    def redirect_request(self, request, fp, code, message, headers, url):
        if urllib.parse.urlparse(url).scheme != "https":
            raise Elsewhere(url)
        return super().redirect_request(request, fp, code, message, headers, url)


class Browser:
    def __init__(self, ca):
        context = ssl.create_default_context(cafile=ca)
        self.opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), Redirects(),
                                                  urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def open(self, url, form=None):
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        with self.opener.open(url, data, timeout=30) as answer:
            return answer.url, answer.read().decode()

    def fill(self, page, **words):
        """Sends the page's form, with its hidden fields."""
        url, text = page
        action = re.search(r'<form[^>]*action="([^"]*)"', text).group(1)
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text))
        return self.open(urllib.parse.urljoin(url, action.replace("&amp;", "&")), {**hidden, **words})

    def log_in(self, page, user):
        """Login and consent, whatever comes first."""
        while "<form" in page[1]:
            words = {"login": user, "password": "any"} if 'name="login"' in page[1] else {}
            page = self.fill(page, **words)
        return page
