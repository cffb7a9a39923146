# Shared with other modules: addresses, and SPF.
file(GLOB common CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/../common/network.c ${CMAKE_CURRENT_LIST_DIR}/../common/spf*.c ${CMAKE_CURRENT_LIST_DIR}/../common/dkim_record.c)
target_sources(module_domains PRIVATE ${common})
