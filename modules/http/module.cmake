pkg_check_modules(EVHTTP REQUIRED IMPORTED_TARGET libevent_core libevent_extra)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(GLIB REQUIRED IMPORTED_TARGET glib-2.0)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
target_link_libraries(module_http PRIVATE PkgConfig::SQLITE PkgConfig::CURL PkgConfig::EVHTTP PkgConfig::CRYPTO PkgConfig::JANSSON PkgConfig::GLIB)

# The description of the API, which it serves, as octets of the program.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${folder}/openapi.json)
file(READ ${folder}/openapi.json openapi HEX)
string(REGEX REPLACE "(..)" "0x\\1," openapi "${openapi}")
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/openapi.c CONTENT
  "#include <stddef.h>\nextern const char openapi_text[];\nextern const size_t openapi_size;\nconst char openapi_text[] = { @openapi@ 0 };\nconst size_t openapi_size = sizeof openapi_text - 1;\n" @ONLY)
target_sources(module_http PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/openapi.c)
install(FILES ${folder}/openapi.json DESTINATION ${module_docs}/http)
