#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loading.h"
#include "store.h"

static pthread_mutex_t mutex;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int depth;  // guarded by the mutex
static const char *missing;  // why there is no libhdf5, else NULL; written once

static hid_t file_access, file_creation, group_creation, contiguous_creation;
static hid_t text_reference, variable_text;

// The types in files that we read, each with the type in memory that makes its elements ours. An element can
// have several; the first of each byte order is the one that we write.
typedef struct {
  fw_h5_element element;
  int is_big_endian;
  H5T_class_t type_class;
  size_t byte_count;
  hid_t type, memory_type;
} spelling;

static spelling spellings[48];
static int spelling_count;
static hid_t types[FW_H5_ELEMENT_COUNT][2];

// One object header holds this many links or attributes before an index of its own is made: small
// checkpoints stay readable with one look, large ones stay fast.
enum { COMPACT_MAX = 64, COMPACT_MIN = 48 };

static void tune_group(hid_t properties) {
  H5Pset_obj_track_times(properties, 0);  // the same content gives the same bytes
  H5Pset_link_creation_order(properties, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  H5Pset_link_phase_change(properties, COMPACT_MAX, COMPACT_MIN);
  H5Pset_attr_phase_change(properties, COMPACT_MAX, COMPACT_MIN);
}

static hid_t new_dataset_creation(void) {
  hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(properties, 0);
  H5Pset_attr_phase_change(properties, COMPACT_MAX, COMPACT_MIN);
  return properties;
}

// Our type in memory, but for the character set, between which libhdf5 does not convert.
static hid_t new_string_type(size_t byte_count, H5T_cset_t set) {
  hid_t type = H5Tcopy(H5T_C_S1);
  if (H5Tset_size(type, byte_count) >= 0 && H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0 &&
      H5Tset_cset(type, set) >= 0)
    return type;
  H5Tclose(type);
  return -1;
}

// Converts texts of variable length, as they are in a file, to opaque bytes: to themselves.
static herr_t keep_reference(hid_t from, hid_t to, H5T_cdata_t *state, size_t count, size_t stride,
                             size_t background_stride, void *bytes, void *background, hid_t transfer) {
  (void)count, (void)stride, (void)background_stride, (void)bytes, (void)background, (void)transfer;
  if (state->command != H5T_CONV_INIT) return 0;
  state->need_bkg = H5T_BKG_NO;
  int is_ours = H5Tequal(to, text_reference) > 0 && H5Tis_variable_str(from) > 0 &&
                H5Tget_size(from) == FW_H5_REFERENCE_SIZE;
  return is_ours ? 0 : -1;
}

static void add_spelling(fw_h5_element element, int is_big_endian, hid_t type, hid_t memory_type) {
  spellings[spelling_count++] = (spelling){
      element, is_big_endian, H5Tget_class(type), H5Tget_size(type), type, memory_type};
  if (types[element][is_big_endian] == 0) types[element][is_big_endian] = type;
}

static void add_pair(fw_h5_element element, hid_t little, hid_t big) {
  add_spelling(element, 0, little, little);
  add_spelling(element, 1, big, little);
}

// A float without padding, the sign in its highest bit and an implied leading one.
static void add_float(fw_h5_element element, size_t exponent_bits, size_t mantissa_bits) {
  hid_t pair[2];
  for (int i = 0; i < 2; i++) {
    size_t bits = 1 + exponent_bits + mantissa_bits;
    pair[i] = H5Tcopy(i == 0 ? H5T_IEEE_F32LE : H5T_IEEE_F32BE);
    H5Tset_fields(pair[i], bits - 1, mantissa_bits, exponent_bits, 0, mantissa_bits);
    H5Tset_precision(pair[i], bits);
    H5Tset_size(pair[i], bits / 8);
    H5Tset_ebias(pair[i], ((size_t)1 << (exponent_bits - 1)) - 1);
  }
  add_pair(element, pair[0], pair[1]);
}

static void add_complex(fw_h5_element element, const char *real, const char *imaginary, hid_t little,
                        hid_t big) {
  hid_t pair[2];
  for (int i = 0; i < 2; i++) {
    hid_t part = i == 0 ? little : big;
    size_t size = H5Tget_size(part);
    pair[i] = H5Tcreate(H5T_COMPOUND, 2 * size);
    H5Tinsert(pair[i], real, 0, part);
    H5Tinsert(pair[i], imaginary, size, part);
  }
  add_pair(element, pair[0], pair[1]);
}

hid_t fw_h5_new_opaque_type(size_t byte_count, const char *tag) {
  hid_t type = H5Tcreate(H5T_OPAQUE, byte_count);
  if (type >= 0 && H5Tset_tag(type, tag) >= 0) return type;
  if (type >= 0) H5Tclose(type);
  return -1;
}

static void set_up_types(void) {
  add_pair(FW_H5_INT8, H5T_STD_I8LE, H5T_STD_I8BE);
  add_pair(FW_H5_INT16, H5T_STD_I16LE, H5T_STD_I16BE);
  add_pair(FW_H5_INT32, H5T_STD_I32LE, H5T_STD_I32BE);
  add_pair(FW_H5_INT64, H5T_STD_I64LE, H5T_STD_I64BE);
  add_pair(FW_H5_UINT8, H5T_STD_U8LE, H5T_STD_U8BE);
  add_pair(FW_H5_UINT16, H5T_STD_U16LE, H5T_STD_U16BE);
  add_pair(FW_H5_UINT32, H5T_STD_U32LE, H5T_STD_U32BE);
  add_pair(FW_H5_UINT64, H5T_STD_U64LE, H5T_STD_U64BE);
  add_pair(FW_H5_FLOAT32, H5T_IEEE_F32LE, H5T_IEEE_F32BE);
  add_pair(FW_H5_FLOAT64, H5T_IEEE_F64LE, H5T_IEEE_F64BE);
  add_float(FW_H5_FLOAT16, 5, 10);
  // h5py and netCDF4, then MATLAB.
  const char *const parts[][2] = {{"r", "i"}, {"real", "imag"}};
  for (int i = 0; i < 2; i++) {
    add_complex(FW_H5_COMPLEX64, parts[i][0], parts[i][1], H5T_IEEE_F32LE, H5T_IEEE_F32BE);
    add_complex(FW_H5_COMPLEX128, parts[i][0], parts[i][1], H5T_IEEE_F64LE, H5T_IEEE_F64BE);
  }
  // Opaque bytes are these only with an attribute that says so, and are found by another way.
  types[FW_H5_BFLOAT16][0] = types[FW_H5_BFLOAT16][1] = fw_h5_new_opaque_type(2, "");
  types[FW_H5_FLOAT8_E4M3FN][0] = types[FW_H5_FLOAT8_E4M3FN][1] = fw_h5_new_opaque_type(1, "");
  types[FW_H5_FLOAT8_E5M2][0] = types[FW_H5_FLOAT8_E5M2][1] = types[FW_H5_FLOAT8_E4M3FN][0];
  // As HDF5 2.0 has them of its own.
  add_float(FW_H5_BFLOAT16, 8, 7);
  add_float(FW_H5_FLOAT8_E4M3FN, 4, 3);
  add_float(FW_H5_FLOAT8_E5M2, 5, 2);

  hid_t truth = H5Tenum_create(H5T_STD_I8LE);
  const int8_t values[] = {0, 1};
  H5Tenum_insert(truth, "FALSE", &values[0]);
  H5Tenum_insert(truth, "TRUE", &values[1]);
  types[FW_H5_BOOL][0] = types[FW_H5_BOOL][1] = truth;
  add_spelling(FW_H5_BOOL, 0, H5T_STD_B8LE, H5T_STD_B8LE);  // PyTables
}

static hid_t do_not_follow(const char *name, hid_t group, const void *target, size_t byte_count,
                           hid_t access, hid_t transfer) {
  (void)name, (void)group, (void)target, (void)byte_count, (void)access, (void)transfer;
  return -1;
}

static ssize_t copy_target(const char *name, const void *target, size_t byte_count, void *buffer,
                           size_t buffer_size) {
  (void)name;
  if (buffer != NULL) memcpy(buffer, target, byte_count < buffer_size ? byte_count : buffer_size);
  return byte_count;
}

// In place of libhdf5's own: external links can be looked at and not followed.
static const H5L_class_t external_links = {
    .version = H5L_LINK_CLASS_T_VERS,
    .id = H5L_TYPE_EXTERNAL,
    .comment = "flywheel",
    .trav_func = do_not_follow,
    .query_func = copy_target,
};

static void set_up(void) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);

  missing = fw_h5_load();
  if (missing != NULL) return;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  H5PLset_loading_state(0);           // a file must not make us load code
  H5Lregister(&external_links);       // nor open another file

  file_access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_driver(file_access, fw_h5_register_driver(), NULL);
  H5Pset_libver_bounds(file_access, H5F_LIBVER_V18, H5F_LIBVER_V110);
  H5Pset_fclose_degree(file_access, H5F_CLOSE_STRONG);
  // Raw data is not collected into blocks, in which it would not be aligned; metadata is, so that it is
  // read and written in few pieces.
  H5Pset_small_data_block_size(file_access, 0);
  H5Pset_meta_block_size(file_access, 4096);
  file_creation = H5Pcreate(H5P_FILE_CREATE);
  tune_group(file_creation);
  group_creation = H5Pcreate(H5P_GROUP_CREATE);
  tune_group(group_creation);
  contiguous_creation = new_dataset_creation();
  H5Pset_alloc_time(contiguous_creation, H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(contiguous_creation, H5D_FILL_TIME_NEVER);

  set_up_types();
  text_reference = H5Tcreate(H5T_OPAQUE, FW_H5_REFERENCE_SIZE);
  variable_text = new_string_type(H5T_VARIABLE, H5T_CSET_UTF8);
  H5Tregister(H5T_PERS_SOFT, "flywheel", variable_text, text_reference, keep_reference);
}

void fw_h5_enter(void) {
  pthread_once(&once, set_up);
  pthread_mutex_lock(&mutex);
  // A setting of the thread, not of the process.
  if (depth++ == 0 && missing == NULL) H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void fw_h5_leave(void) {
  depth--;
  pthread_mutex_unlock(&mutex);
}

const char *fw_h5_missing(void) {
  pthread_once(&once, set_up);
  return missing;
}

typedef struct {
  char *text;
  size_t length;
} lines;

static herr_t add_frame(unsigned index, const H5E_error2_t *frame, void *context) {
  (void)index;
  lines *all = context;
  char major[128] = "", minor[128] = "", line[1024];
  H5Eget_msg(frame->maj_num, NULL, major, sizeof major);
  H5Eget_msg(frame->min_num, NULL, minor, sizeof minor);
  snprintf(line, sizeof line, "%s: %s (%s: %s)", frame->func_name, frame->desc, major, minor);
  for (char *character = line; *character; character++)
    if (*character == '\n') *character = ' ';
  size_t length = strlen(line);
  char *text = realloc(all->text, all->length + length + 2);
  if (text == NULL) return 0;
  memcpy(text + all->length, line, length);
  memcpy(text + all->length + length, "\n", 2);
  all->text = text;
  all->length += length + 1;
  return 0;
}

char *fw_h5_take_errors(void) {
  lines all = {NULL, 0};
  // Walking a copy: asking for a message's text would clear the stack that is being walked.
  hid_t stack = H5Eget_current_stack();
  H5Ewalk2(stack, H5E_WALK_DOWNWARD, add_frame, &all);
  H5Eclose_stack(stack);
  H5Eclear2(H5E_DEFAULT);
  return all.text;
}

// libhdf5 asks for a name and does nothing with it; a relative one would make it look up where it is.
static const char no_name[] = "/";

hid_t fw_h5_open(fw_h5_store *store) {
  fw_h5_opening = store;
  hid_t file = H5Fopen(no_name, H5F_ACC_RDONLY, file_access);
  fw_h5_opening = NULL;
  return file;
}

hid_t fw_h5_create(fw_h5_store *store) {
  fw_h5_opening = store;
  hid_t file = H5Fcreate(no_name, H5F_ACC_TRUNC, file_creation, file_access);
  fw_h5_opening = NULL;
  return file;
}

hid_t fw_h5_type(fw_h5_element element, int is_big_endian) { return types[element][is_big_endian]; }

hid_t fw_h5_group_creation(void) { return group_creation; }

hid_t fw_h5_contiguous_creation(void) { return contiguous_creation; }

hid_t fw_h5_new_chunked_creation(int rank, const hsize_t *chunk, int shuffles, int gzip_level,
                                 int has_checksums) {
  hid_t properties = new_dataset_creation();
  if (H5Pset_chunk(properties, rank, chunk) >= 0 && (!shuffles || H5Pset_shuffle(properties) >= 0) &&
      (gzip_level == 0 || H5Pset_deflate(properties, gzip_level) >= 0) &&
      (!has_checksums || H5Pset_fletcher32(properties) >= 0))
    return properties;
  H5Pclose(properties);
  return -1;
}

// Whether a member of an enumeration has a name and a value.
static int is_member(hid_t type, unsigned index, const char *expected_name, int8_t expected_value) {
  char *name = H5Tget_member_name(type, index);
  if (name == NULL) return 0;
  int is_same = strcmp(name, expected_name) == 0;
  H5free_memory(name);
  unsigned char value[8] = {0};
  hid_t base = H5Tget_super(type);
  // libhdf5 copies as many bytes as the enumeration has, whatever its base says.
  if (base < 0 || H5Tget_class(base) != H5T_INTEGER || H5Tget_size(type) > sizeof value ||
      H5Tget_size(base) != H5Tget_size(type))
    is_same = 0;
  if (is_same && H5Tget_member_value(type, index, value) < 0) is_same = 0;
  if (is_same && H5Tconvert(base, H5T_STD_I8LE, 1, value, NULL, H5P_DEFAULT) < 0) is_same = 0;
  if (base >= 0) H5Tclose(base);
  return is_same && (int8_t)value[0] == expected_value;
}

static int is_truth(hid_t type) {
  if (H5Tget_nmembers(type) != 2) return 0;
  return (is_member(type, 0, "FALSE", 0) && is_member(type, 1, "TRUE", 1)) ||
         (is_member(type, 0, "TRUE", 1) && is_member(type, 1, "FALSE", 0));
}

static void copy_tag(hid_t type, fw_h5_description *result) {
  char *tag = H5Tget_tag(type);
  if (tag == NULL) return;
  if (strlen(tag) < sizeof result->tag) strcpy(result->tag, tag);
  H5free_memory(tag);
}

// Compares with whole types, so that odd precisions, offsets and exponent layouts do not pass.
static int describe_type(hid_t type, fw_h5_description *result) {
  result->type_class = H5Tget_class(type);
  result->type_byte_count = H5Tget_size(type);
  if (result->type_class == H5T_NO_CLASS || result->type_byte_count == 0) return -1;
  for (const spelling *known = spellings; known < spellings + spelling_count; known++) {
    if (known->type_class != result->type_class || known->byte_count != result->type_byte_count) continue;
    if (H5Tequal(type, known->type) <= 0) continue;
    result->element = known->element;
    result->is_big_endian = known->is_big_endian && known->byte_count > 1;
    result->memory_type = known->memory_type;
    return 0;
  }
  switch (result->type_class) {
    case H5T_ENUM:
      if (!is_truth(type)) break;
      result->element = FW_H5_BOOL;
      result->is_big_endian = result->type_byte_count > 1 && H5Tget_order(type) == H5T_ORDER_BE;
      result->memory_type = H5T_STD_I8LE;
      break;
    case H5T_OPAQUE:
      for (fw_h5_element element = FW_H5_FLOAT8_E4M3FN; element <= FW_H5_BFLOAT16; element++)
        if (element != FW_H5_FLOAT16 && H5Tequal(type, types[element][0]) > 0)
          result->memory_type = types[element][0];
      copy_tag(type, result);
      break;
    case H5T_FLOAT: {
      size_t sign, exponent, mantissa;
      result->precision = H5Tget_precision(type);
      result->exponent_bias = H5Tget_ebias(type);
      H5Tget_fields(type, &sign, &exponent, &result->exponent_bits, &mantissa, &result->mantissa_bits);
      break;
    }
    case H5T_STRING:
      result->is_variable_text = H5Tis_variable_str(type) > 0;
      result->character_set = H5Tget_cset(type);
      break;
    default: break;
  }
  return 0;
}

static int describe_space(hid_t space, fw_h5_description *result) {
  hsize_t extents[FW_H5_MAX_RANK];  // libhdf5 has no more axes
  result->rank = H5Sget_simple_extent_dims(space, extents, NULL);
  if (result->rank < 0) return -1;
  if (result->rank == 0 && H5Sget_simple_extent_type(space) == H5S_NULL) result->rank = -1;
  for (int i = 0; i < result->rank; i++) result->extents[i] = extents[i];
  return 0;
}

static int describe_storage(hid_t dataset, fw_h5_description *result) {
  hid_t properties = H5Dget_create_plist(dataset);
  if (properties < 0) return -1;
  result->layout = H5Pget_layout(properties);
  int status = result->layout == H5D_LAYOUT_ERROR ? -1 : 0;
  if (result->layout == H5D_CONTIGUOUS) result->has_external_files = H5Pget_external_count(properties);
  if (result->layout == H5D_CHUNKED) {
    hsize_t chunk[FW_H5_MAX_RANK];
    int rank = H5Pget_chunk(properties, FW_H5_MAX_RANK, chunk);
    if (rank < 0 || rank > FW_H5_MAX_RANK) status = -1;
    result->chunk_rank = rank;
    for (int i = 0; status == 0 && i < rank; i++) result->chunk[i] = chunk[i];
    result->filter_count = H5Pget_nfilters(properties);
    if (result->filter_count < 0 || result->filter_count > FW_H5_MAX_FILTERS) status = -1;
    for (int i = 0; status == 0 && i < result->filter_count; i++) {
      unsigned flags, config;
      size_t values = 0;
      H5Z_filter_t filter = H5Pget_filter2(properties, i, &flags, &values, NULL, 0, NULL, &config);
      if (filter < 0) status = -1;
      result->filters[i] = filter;
    }
  }
  if (result->layout == H5D_COMPACT) result->compact_byte_count = H5Dget_storage_size(dataset);
  H5Pclose(properties);
  return status;
}

int fw_h5_describe(hid_t dataset, fw_h5_description *result) {
  memset(result, 0, sizeof *result);
  // An offset means contiguous, in this file, without filters; property lists are slow to get.
  haddr_t offset = H5Dget_offset(dataset);
  // Behind a user block, libhdf5 counts on from no offset, too.
  if (offset != HADDR_UNDEF && H5Dget_storage_size(dataset) == 0) offset = HADDR_UNDEF;
  result->layout = H5D_CONTIGUOUS;
  result->byte_offset = offset == HADDR_UNDEF ? UINT64_MAX : offset;
  if (offset == HADDR_UNDEF && describe_storage(dataset, result) < 0) return -1;

  hid_t type = H5Dget_type(dataset);
  if (type < 0) return -1;
  int status = describe_type(type, result);
  H5Tclose(type);
  if (status < 0) return -1;
  if (result->layout == H5D_VIRTUAL) return 0;

  hid_t space = H5Dget_space(dataset);
  if (space < 0) return -1;
  status = describe_space(space, result);
  H5Sclose(space);
  return status;
}

int fw_h5_describe_attribute(hid_t attribute, fw_h5_description *result) {
  memset(result, 0, sizeof *result);
  hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
  int status = type < 0 || space < 0 ? -1 : 0;
  if (status == 0) status = describe_type(type, result);
  if (status == 0) status = describe_space(space, result);
  if (type >= 0) H5Tclose(type);
  if (space >= 0) H5Sclose(space);
  return status;
}

int fw_h5_identify(hid_t object, uint64_t *identity) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t information;
  if (H5Oget_info3(object, &information, H5O_INFO_BASIC) < 0) return -1;
  memcpy(identity, &information.token, sizeof *identity);
#else
  H5O_info_t information;
  if (H5Oget_info2(object, &information, H5O_INFO_BASIC) < 0) return -1;
  *identity = information.addr;
#endif
  return 0;
}

int fw_h5_look(hid_t group, const char *name, fw_h5_member *result) {
  memset(result, 0, sizeof *result);
#if H5_VERSION_GE(1, 12, 0)
  H5L_info2_t link;
  H5O_info2_t object;
  if (H5Lget_info2(group, name, &link, H5P_DEFAULT) < 0) return -1;
#else
  H5L_info_t link;
  H5O_info_t object;
  if (H5Lget_info(group, name, &link, H5P_DEFAULT) < 0) return -1;
#endif
  result->link_type = link.type;
  result->is_hard_link = link.type == H5L_TYPE_HARD;
  if (!result->is_hard_link) {
    result->target_byte_count = link.u.val_size;
    return 0;
  }
#if H5_VERSION_GE(1, 12, 0)
  if (H5Oget_info_by_name3(group, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return -1;
  memcpy(&result->object, &object.token, sizeof result->object);
#else
  if (H5Oget_info_by_name2(group, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0) return -1;
  result->object = object.addr;
#endif
  result->object_type = object.type;
  return 0;
}

typedef struct {
  fw_h5_visitor visit;
  void *context;
} visit_request;

#if H5_VERSION_GE(1, 12, 0)
static herr_t visit_link(hid_t group, const char *name, const H5L_info2_t *link, void *context) {
#else
static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *link, void *context) {
#endif
  (void)group, (void)link;
  const visit_request *request = context;
  return request->visit(name, request->context);
}

// Whether a group knows in which order its links were added; negative if that cannot be read. No failure
// may be passed over: libhdf5 keeps what it has got of a damaged header, and finds no fault with it later.
static int knows_order(hid_t group) {
  // A file's own identifier stands for its root group, but has other properties.
  hid_t opened = H5Gopen2(group, ".", H5P_DEFAULT);
  hid_t properties = opened < 0 ? -1 : H5Gget_create_plist(opened);
  unsigned order = 0;
  int status = properties < 0 ? -1 : H5Pget_link_creation_order(properties, &order);
  if (properties >= 0) H5Pclose(properties);
  if (opened >= 0) H5Gclose(opened);
  return status < 0 ? -1 : (order & H5P_CRT_ORDER_TRACKED) != 0;
}

int fw_h5_names(hid_t group, fw_h5_visitor visit, void *context) {
  visit_request request = {visit, context};
  int order = knows_order(group);
  if (order < 0) return -1;
  H5_index_t index = order ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
#if H5_VERSION_GE(1, 12, 0)
  return H5Literate2(group, index, H5_ITER_INC, NULL, visit_link, &request);
#else
  return H5Literate(group, index, H5_ITER_INC, NULL, visit_link, &request);
#endif
}

static herr_t visit_attribute(hid_t object, const char *name, const H5A_info_t *attribute, void *context) {
  (void)object, (void)attribute;
  const visit_request *request = context;
  return request->visit(name, request->context);
}

int fw_h5_attribute_names(hid_t object, fw_h5_visitor visit, void *context) {
  visit_request request = {visit, context};
  return H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_attribute, &request);
}

int fw_h5_target(hid_t group, const char *name, char *bytes, size_t byte_count) {
  return H5Lget_val(group, name, bytes, byte_count, H5P_DEFAULT);
}

int fw_h5_read_all(hid_t dataset, hid_t memory_type, void *bytes) {
  return H5Dread(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
}

int fw_h5_read_block(hid_t dataset, hid_t memory_type, int rank, const hsize_t *offset,
                     const hsize_t *stride, const hsize_t *count, void *bytes) {
  hid_t space = H5Dget_space(dataset), memory = H5Screate_simple(rank, count, NULL);
  herr_t status = space < 0 || memory < 0 ? -1 : 0;
  if (status == 0) status = H5Sselect_hyperslab(space, H5S_SELECT_SET, offset, stride, count, NULL);
  if (status >= 0) status = H5Dread(dataset, memory_type, memory, space, H5P_DEFAULT, bytes);
  if (space >= 0) H5Sclose(space);
  if (memory >= 0) H5Sclose(memory);
  return status;
}

int fw_h5_write_chunk(hid_t dataset, const hsize_t *offset, uint32_t skipped_filters, const void *bytes,
                      size_t byte_count) {
  return H5Dwrite_chunk(dataset, H5P_DEFAULT, skipped_filters, offset, byte_count, bytes);
}

hid_t fw_h5_new_string_type(size_t byte_count) { return new_string_type(byte_count, H5T_CSET_UTF8); }

hid_t fw_h5_new_byte_string_type(size_t byte_count) { return new_string_type(byte_count, H5T_CSET_ASCII); }

hid_t fw_h5_new_text_type(const fw_h5_description *description) {
  if (description->is_variable_text) return H5Tcopy(text_reference);
  return new_string_type(description->type_byte_count, description->character_set);
}

int fw_h5_add_variable_text(hid_t object, const char *name, const char *text) {
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t attribute = H5Acreate2(object, name, variable_text, space, H5P_DEFAULT, H5P_DEFAULT);
  herr_t status = attribute < 0 ? -1 : H5Awrite(attribute, variable_text, &text);
  if (attribute >= 0) H5Aclose(attribute);
  H5Sclose(space);
  return status;
}
