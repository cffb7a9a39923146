pkg_check_modules(GLIB REQUIRED IMPORTED_TARGET glib-2.0)
target_link_libraries(module_access PRIVATE PkgConfig::GLIB)

# presets.list, where an admin reads it, and in the module, which then needs no file to be found.
file(READ ${folder}/presets.list presets)
string(REPLACE "\\" "\\\\" presets "${presets}")
string(REPLACE "\"" "\\\"" presets "${presets}")
string(REPLACE "\n" "\\n\"\n\"" presets "${presets}")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/access_presets.c.new
     "extern const char access_presets[];\nconst char access_presets[] = \"${presets}\";\n")
configure_file(${CMAKE_CURRENT_BINARY_DIR}/access_presets.c.new ${CMAKE_CURRENT_BINARY_DIR}/access_presets.c COPYONLY)
target_sources(module_access PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/access_presets.c)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${folder}/presets.list)
install(FILES ${folder}/presets.list DESTINATION ${module_docs}/access)

# Shared with other modules: addresses, encoded words, and SPF.
file(GLOB common CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/../common/network.c ${CMAKE_CURRENT_LIST_DIR}/../common/spf*.c
     ${CMAKE_CURRENT_LIST_DIR}/../common/encoded_words.c)
target_sources(module_access PRIVATE ${common})
